"""A stage that runs a script in AWS Glue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stagewright.stages.base.schema import JobService, Log, Stage
from stagewright.syntax.fields import Accepts, Name, PlanNumber, PlanText, Reference, S3Uri, Text, Whole

LOGS = tuple(
    Log(f"{group}/{stream}", "job run")
    for group in ("/aws-glue/python-jobs", "/aws-glue/jobs")
    for stream in ("output", "error")
)
"""The log groups of Python shell and Spark jobs ("Logging for AWS Glue jobs")."""

LOGS = tuple(
    Log(f"{group}/{stream}", "job run")
    for group in ("/aws-glue/python-jobs", "/aws-glue/jobs")
    for stream in ("output", "error")
)
"""The log groups of Python shell and Spark jobs ("Logging for AWS Glue jobs")."""


class Glue(Stage):
    """Runs as a run of a Glue job. The installation has one for each `type`; the script is the stage's own.
    Inputs, outputs and arguments arrive as `--<name> <value>`, to be read with getResolvedOptions."""

    values: ClassVar[tuple[str, ...]] = ("outputs", "metrics")
    folder_fields: ClassVar[tuple[str, ...]] = ("inputs",)
    job_service: ClassVar[JobService] = "glue"
    logs: ClassVar[tuple[Log, ...]] = LOGS

    kind: Literal["glue"]
    """Always `glue`."""
    type: Literal["pythonshell", "spark"] = "pythonshell"
    """A Python process, or Spark."""
    code: str
    """The script, relative to the code folder."""
    include: tuple[str, ...] = ()
    """More Python files, or .zip and .whl files, relative to the code folder, that the script may import."""
    job: PlanText | None = None
    """A Glue job of one's own in place of the installation's, with the tag `stagewright:installation`: the
    installation's name."""
    arguments: Mapping[Name, Text] = Field(default_factory=dict)
    """Argument -> value. Glue's own are given so, too, such as `additional-python-modules`."""
    inputs: Mapping[Name, S3Uri] = Field(default_factory=dict)
    """Argument -> S3 URI (or reference) to read."""
    outputs: tuple[Name, ...] | Mapping[Name, Annotated[str, Accepts(("uri", "text"), known="plan")]] = ()
    """Output names, or output name -> S3 URI of one's own: the script gets the URI and writes there."""
    metrics_file: str | None = None
    """`<output>/<file>.json`, a JSON object of numbers: readable as ${stages.<stage>.metrics.<name>}."""
    capacity: Literal["small", "large"] = "small"
    """Of a Python shell: a sixteenth of a data processing unit (1 GB), or one (16 GB). With a `job` of one's
    own, `small` is what that job has."""
    worker_type: Literal["G.1X", "G.2X", "G.4X", "G.8X"] = "G.1X"
    """Size of Spark's workers. Left out together with `workers`, a `job` of one's own keeps its own."""
    workers: Annotated[Annotated[Whole, Field(ge=2, le=299)] | Reference, PlanNumber] = 2
    """Number of Spark's workers."""
    max_runtime_seconds: Annotated[Annotated[Whole, Field(ge=60, le=604_800)] | Reference, PlanNumber] = 3600
    """The run is stopped, and the stage fails, after this many seconds, in whole minutes."""

    def value_names(self, word: str) -> tuple[str, ...] | None:
        if word == "metrics":
            return None if self.metrics_file else ()
        return tuple(self.outputs) if word == "outputs" else ()

    @property
    def overwrites_its_result(self) -> bool:
        return isinstance(self.outputs, Mapping)
