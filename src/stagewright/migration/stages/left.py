"""What of an item says nothing about stages."""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.migration.item import Item, Note


def left(item: Item) -> Iterator[Note]:
    """What an item says beside its stages."""
    for name, (reason, remedy) in DROPPED.items():
        value = item.get(name)
        if value is not None:
            yield Note(name, f"{value!r} dropped: {reason}", remedy)
    for place in item.unread():
        yield Note(
            place, "dropped: nothing of the sample reads it", "add it to the document where it is needed"
        )


DROPPED = {
    "acc_id": ("the installation knows its account", ""),
    "app": ("the sample's router wrote Python's folder (/var/lang) here by mistake, and nothing used it", ""),
    "dataset_date": ("the event's date counted", "${trigger.date} in the document"),
    "env": (
        "the installation is of one environment",
        "environments/<environment>.yaml has what differs in one",
    ),
    "event_source": ("the trigger's", "${trigger.type} in the document"),
    "pipeline_stage": ("only ever passed on", ""),
    "project": (
        "only ever passed on",
        "defaults: {tags: {project: ...}} puts it on everything that a run makes",
    ),
    "region": ("the installation is in one region", ""),
    "sagemaker_role_arn": ("jobs have the installation's role", "give that role what it lacks, in Terraform"),
    "state_machine_name": ("one state machine runs every document", ""),
}
"""Attributes of an item that say nothing about stages -> reason and remedy."""
