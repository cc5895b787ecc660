"""State of a conversion, and the settings that several stages share."""

from __future__ import annotations

from dataclasses import dataclass, field

from stagewright.errors import Problem
from stagewright.migration.converted import Note, Stage
from stagewright.migration.images import image_of
from stagewright.migration.sample.item import Item
from stagewright.migration.sample.s3_paths import S3Paths
from stagewright.migration.sample.scripts import Scripts

PROCESSING, SPARK, SHELL, CALLED = "sagemaker-processing", "glue-spark", "glue-python", "lambda"
"""The values of job_type."""
RANGES = {
    "IntegerParameterRanges": "integer",
    "ContinuousParameterRanges": "continuous",
    "CategoricalParameterRanges": "categorical",
}
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
    def image(self) -> str:
        """The image of training, which every other stage uses too. Without training, that of tuning."""
        return self.item.text("training", "image_url") or self.item.text("tuning", "image_url")

    def lacks(self, switch: str, what: str, remedy: str) -> bool:
        """Report that a stage misses something: a problem if it is on, else a note. Always False."""
        if self.item.flag(switch):
            self.refuse(switch, f"is Y, but {what}", remedy)
        else:
            self.note(switch, f"N, and {what}, so there is no stage", remedy)
        return False

    @property
    def trained(self) -> str:
        """The stage whose model is served: training, or tuning if only tuning is on or there is no training.
        Empty if there is neither."""
        item = self.item
        tuned = any(item.maps("tuning", "parameterranges", block) for block in RANGES)
        if not item.mapping("training"):
            return "tuning" if tuned else ""
        only_tuning = item.flag("tuning_job") and not item.flag("training_job")
        return "tuning" if tuned and only_tuning else "training"

    def has_model(self, switch: str) -> bool:
        """Whether a stage trains the model that the stage of the switch serves."""
        return bool(self.trained) or self.lacks(switch, "no stage trains a model", "add the section training")

    def prepared(self, output: str) -> str:
        """What preprocessing writes: a reference to its output, or the path if its job has no outputs. Empty
        if the item has no such path."""
        uri = self.item.text("preprocessing", f"output_{output}_path")
        if uri and self.item.text("preprocessing", "job_type") == PROCESSING:
            return f"${{stages.preprocessing.outputs.{output}}}"
        return self.paths.uri(uri)

    def after_preprocessing(self) -> Stage:
        """The order, if preprocessing is a stage without outputs to refer to."""
        known = self.item.text("preprocessing", "job_type") in (CALLED, SHELL, SPARK)
        return {"after": ["preprocessing"]} if known else {}


def enabled(of: Conversion, flag: str) -> Stage:
    return {} if of.item.flag(flag) else {"enabled": False}


def compute(of: Conversion, section: str) -> Stage:
    item = of.item
    instance = item.text(section, "instance_type")
    own = item.text(section, "image_url")
    image = image_of(own, instance) if own and own != of.image else ""
    return {**({"image": image} if image else {}), **({"instance_type": instance} if instance else {})}


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
