"""State of a conversion, and the settings that several stages share."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from stagewright.catalog.images import alias_of, resolve
from stagewright.errors import NotFoundError, PlanError, Problem
from stagewright.migration.item import Item, Note
from stagewright.migration.s3_paths import S3Paths
from stagewright.migration.scripts import Scripts

Stage = dict[str, Any]
REMEDY = "give the folder with the scripts and source.tar.gz with --scripts"


@dataclass
class Conversion:
    """An item with its scripts and paths, and the notes made so far."""

    item: Item
    scripts: Scripts
    paths: S3Paths
    notes: list[Note] = field(default_factory=list)

    def note(self, path: str, reason: str, remedy: str = "") -> None:
        self.notes.append(Note(path, reason, remedy))

    def refuse(self, path: str, message: str, remedy: str = "") -> None:
        """Record a problem that prevents the conversion. All problems are reported together."""
        self.item.problems.append(Problem(path, message, remedy))

    @property
    def trained(self) -> str:
        """The stage whose model is served: training, or tuning if only tuning is on."""
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
    """The alias of exactly this image in its region, else the URI."""
    try:
        image = alias_of(uri)
        alias = f"{image.framework}-{image.version}"
        region = uri.split(".")[3]
        return alias if resolve(alias, region, instance_type) == uri else uri
    except (NotFoundError, PlanError, IndexError):
        return uri


def entry_point(of: Conversion, section: str, block: str) -> Stage:
    """Entry point of script mode, which is in the tarball."""
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


def note_run_names(of: Conversion, output: str, job: str) -> None:
    for path, reason in (
        (output, "each run writes to its own path"),
        (job, "jobs are named after their run and stage"),
    ):
        value = of.item.text(*path.split("."))
        if value:
            of.note(path, f"{value!r} dropped", reason)


def unquoted(text: str) -> str:
    """A value of script mode without JSON quotes."""
    return text.strip('"')


def number(value: Any) -> Any:
    """Convert a string that is exactly a number."""
    text = str(value)
    try:
        number = json.loads(text)
    except ValueError:
        return value
    plain = isinstance(number, int | float) and not isinstance(number, bool) and json.dumps(number) == text
    return number if plain else value
