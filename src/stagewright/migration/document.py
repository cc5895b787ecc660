"""The document that an item becomes, and all that is to be said about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stagewright.errors import DocumentError
from stagewright.migration.item import Item, Note
from stagewright.migration.s3_paths import Places
from stagewright.migration.scripts import Scripts
from stagewright.migration.stages import stages
from stagewright.migration.stages.conversion import Conversion, image_of

LONGEST = 40


@dataclass(frozen=True)
class Imported:
    """`files`: path -> content of the code folder."""

    document: Mapping[str, Any]
    files: Mapping[str, bytes]
    notes: tuple[Note, ...]


def convert(item: Item, scripts: Scripts, name: str = "") -> Imported:
    """DocumentError: all that is wrong with the item, or missing of its scripts."""
    given = item.text("name")
    of = Conversion(item, scripts, Places.of(item, scripts.files.values()))
    made = stages(of)
    if not given and not name:
        of.refuse("name", "the item has none", "give one: --name NAME")
    if not made and not item.problems:
        of.refuse("", "the item has no section of a stage", "is it the sample's?")
    if item.problems:
        raise DocumentError(tuple(item.problems))
    called = name or _name(of, given)
    if of.places.bucket:
        of.note(
            "bucket",
            f"{of.places.bucket} became the installation's",
            "copy what the scripts read from it there",
        )
    image = image_of(item.text("training", "image_url"), item.text("training", "instance_type"))
    document = {
        "name": called,
        "description": f"Imported from {given or 'an item'}.",
        "code": "code",
        **({"defaults": {"image": image}} if image else {}),
        "triggers": [{"type": "code"}],
        "stages": made,
    }
    return Imported(document, scripts.files, (*of.notes, *left(item)))


def _name(of: Conversion, given: str) -> str:
    """The item's own, as far as a pipeline may be called so: events that name it go on finding it."""
    name = re.sub(r"[^a-z0-9]+", "-", given.lower()).strip("-").lstrip("0123456789-")[:LONGEST].rstrip("-")
    environment = of.item.text("env")
    if name != given:
        of.note("name", f"{given!r} became {name!r}", "--name chooses another")
    elif environment and f"-{environment}-" in name:
        of.note(
            "name",
            f"has the environment {environment} in it",
            "--name chooses one that suits every environment",
        )
    return name


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
