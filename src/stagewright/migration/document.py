"""The document that an item becomes, and all that is to be said about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stagewright.errors import DocumentError
from stagewright.migration.item import Item, Note
from stagewright.migration.places import Places
from stagewright.migration.scripts import Scripts
from stagewright.migration.stages import stages
from stagewright.migration.stages.conversion import Conversion, image_of
from stagewright.migration.stages.left import left

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
