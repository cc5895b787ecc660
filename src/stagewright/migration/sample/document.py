"""The document of an item, with notes about every attribute that was changed or dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stagewright.errors import DocumentError
from stagewright.migration.converted import ConvertedPipeline, Note
from stagewright.migration.images import image_of
from stagewright.migration.sample.item import Item
from stagewright.migration.sample.s3_paths import S3Paths
from stagewright.migration.sample.scripts import Scripts
from stagewright.migration.sample.stages import stages
from stagewright.migration.sample.stages.conversion import Conversion

LONGEST = 40


def convert(item: Item, scripts: Scripts, name: str = "") -> ConvertedPipeline:
    """Convert an item. DocumentError lists every problem of the item and every missing script."""
    item_name = item.text("name")
    of = Conversion(item, scripts, S3Paths.of(item, scripts.files.values()))
    converted = stages(of)
    if not item_name and not name:
        of.refuse("name", "the item has no name", "set one with --name NAME")
    if of.trained and not of.image:
        of.refuse(f"{of.trained}.image_url", "no image trains the model", "add the URI of the image")
    if not converted and not item.problems:
        of.refuse("", "the item has no section for a stage", "check that it is an item of the sample")
    if item.problems:
        raise DocumentError(tuple(item.problems))
    pipeline_name = name or _name(of, item_name)
    if of.paths.bucket:
        of.note(
            "bucket",
            f"{of.paths.bucket} became the installation's bucket",
            "copy the data that the scripts read to that bucket",
        )
    image = image_of(of.image, item.text("training", "instance_type"))
    document = {
        "name": pipeline_name,
        "description": f"Converted from {item_name or 'an item'}.",
        "code": "code",
        **({"defaults": {"image": image}} if image else {}),
        "triggers": [{"type": "code"}],
        "stages": converted,
    }
    return ConvertedPipeline(document, scripts.files, (*of.notes, *dropped_attributes(item)))


def _name(of: Conversion, item_name: str) -> str:
    """The item's name, changed to a valid pipeline name. Events that name the pipeline still find it."""
    name = (
        re.sub(r"[^a-z0-9]+", "-", item_name.lower()).strip("-").lstrip("0123456789-")[:LONGEST].rstrip("-")
    )
    environment = of.item.text("env")
    if name != item_name:
        of.note("name", f"{item_name!r} became {name!r}", "set another with --name")
    elif environment and f"-{environment}-" in name:
        of.note(
            "name",
            f"contains the environment {environment}",
            "set a name for every environment with --name",
        )
    return name


def dropped_attributes(item: Item) -> Iterator[Note]:
    """Notes about the attributes that belong to no stage."""
    for name, (reason, remedy) in DROPPED.items():
        value = item.get(name)
        if value is not None:
            yield Note(name, f"{value!r} dropped: {reason}", remedy)
    for path in item.unread():
        yield Note(path, "dropped: the sample does not read it", "add it to the document if you need it")


DROPPED = {
    "acc_id": ("the installation sets the account", ""),
    "app": (
        "the sample's router wrote Python's folder (/var/lang) here by mistake; it was never used",
        "",
    ),
    "dataset_date": ("the sample used the date of the event", "${trigger.date} in the document"),
    "env": (
        "each installation is one environment",
        "put differences into environments/<environment>.yaml",
    ),
    "event_source": ("the trigger sets it", "${trigger.type} in the document"),
    "pipeline_stage": ("the sample only passed it on", ""),
    "project": (
        "the sample only passed it on",
        "set defaults: {tags: {project: ...}} to tag every resource of a run",
    ),
    "region": ("the installation is in one region", ""),
    "sagemaker_role_arn": (
        "jobs use the installation's role",
        "extend that role in Terraform",
    ),
    "state_machine_name": ("one state machine runs every document", ""),
}
"""Attribute that belongs to no stage -> reason and remedy."""
