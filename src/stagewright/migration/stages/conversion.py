"""What the stages of an item are made from, and what several of them have."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from stagewright.catalog.images import alias_of, resolve
from stagewright.errors import NotFoundError, PlanError, Problem
from stagewright.migration.item import Item, Note
from stagewright.migration.s3_paths import Places
from stagewright.migration.scripts import Scripts

Stage = dict[str, Any]
REMEDY = "--scripts names the folder with the scripts and source.tar.gz"


@dataclass
class Conversion:
    """What the stages are made from, and what there was to say about it."""

    item: Item
    scripts: Scripts
    places: Places
    notes: list[Note] = field(default_factory=list)

    def note(self, place: str, reason: str, remedy: str = "") -> None:
        self.notes.append(Note(place, reason, remedy))

    def refuse(self, place: str, message: str, remedy: str = "") -> None:
        """What keeps the item from becoming a document. Everything is looked at before any of it is told."""
        self.item.problems.append(Problem(place, message, remedy))

    @property
    def trained(self) -> str:
        """The stage whose model is served: the tuning stage only where nothing else trains."""
        item = self.item
        return "tuning" if item.flag("tuning_job") and not item.flag("training_job") else "training"


def enabled(of: Conversion, flag: str) -> Stage:
    return {} if of.item.flag(flag) else {"enabled": False}


def compute(of: Conversion, section: str) -> Stage:
    item = of.item
    instance = item.text(section, "instance_type")
    own = item.text(section, "image_url")
    image = image_of(own, instance) if own and own != item.text("training", "image_url") else ""
    return {**({"image": image} if image else {}), **({"instance_type": instance} if instance else {})}


def image_of(uri: str, instance_type: str) -> str:
    """The alias that stands for exactly this image in its region; else the URI."""
    try:
        found = alias_of(uri)
        alias = f"{found.framework}-{found.version}"
        region = uri.split(".")[3]
        return alias if resolve(alias, region, instance_type) == uri else uri
    except (NotFoundError, PlanError, IndexError):
        return uri


def entry_point(of: Conversion, section: str, block: str) -> Stage:
    """Script mode's program, which is in the tarball."""
    item = of.item
    program = unquoted(item.text(section, block, "sagemaker_program"))
    tarball = unquoted(item.text(section, block, "sagemaker_submit_directory"))
    if not program:
        return {}
    if program not in of.scripts.files:
        message = f"no {program} in {tarball or 'a tarball'}"
        of.refuse(f"{section}.{block}.sagemaker_program", message, REMEDY)
    included = sorted(of.scripts.unpacked - {program})
    return {"entry_point": program, **({"include": included} if included else {})}


def moved(of: Conversion, output: str, job: str) -> None:
    for place, why in (
        (output, "each run writes to a place of its own"),
        (job, "a job is called after its run and stage"),
    ):
        value = of.item.text(*place.split("."))
        if value:
            of.note(place, f"{value!r} dropped", why)


def unquoted(text: str) -> str:
    """Script mode's values may be JSON texts."""
    return text.strip('"')


def number(value: Any) -> Any:
    """A text that is exactly a number becomes one."""
    text = str(value)
    try:
        number = json.loads(text)
    except ValueError:
        return value
    plain = isinstance(number, int | float) and not isinstance(number, bool) and json.dumps(number) == text
    return number if plain else value
