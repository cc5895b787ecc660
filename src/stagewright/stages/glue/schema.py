"""Fields of glue stages: a Python or Spark script, its arguments and its capacity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stagewright.stages.base.schema import JobService, Log, Measured, Stage
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


class Glue(Stage, Measured):
    """Runs a script as an AWS Glue job run. The installation has one Glue job for each `type`. Read inputs,
    outputs and arguments with getResolvedOptions: they are passed as `--<name> <value>`."""

    values: ClassVar[tuple[str, ...]] = ("outputs", "metrics")
    folder_fields: ClassVar[tuple[str, ...]] = ("inputs",)
    job_service: ClassVar[JobService] = "glue"
    logs: ClassVar[tuple[Log, ...]] = LOGS

    kind: Literal["glue"]
    """Always `glue`."""
    type: Literal["pythonshell", "spark"] = "pythonshell"
    """`pythonshell` runs one Python process, `spark` runs Spark."""
    code: str
    """The script, relative to the code folder."""
    include: tuple[str, ...] = ()
    """Python, .zip or .whl files that the script imports, relative to the code folder."""
    job: PlanText | None = None
    """Your own Glue job, instead of the installation's. Its tag `stagewright:installation` must be the
    name of the installation."""
    arguments: Mapping[Name, Text] = Field(default_factory=dict)
    """Argument -> value. You can also set Glue's arguments, such as `additional-python-modules`."""
    inputs: Mapping[Name, S3Uri] = Field(default_factory=dict)
    """Argument -> S3 URI or reference to read."""
    outputs: tuple[Name, ...] | Mapping[Name, Annotated[str, Accepts(("uri", "text"), known="plan")]] = ()
    """Output names, or output name -> your own S3 URI. The script gets the URI and writes to it."""
    capacity: Literal["small", "large"] = "small"
    """Capacity of a Python shell: `small` is 1/16 data processing unit (1 GB), `large` is one (16 GB). With
    your own `job`, `small` keeps the capacity of that job."""
    worker_type: Literal["G.1X", "G.2X", "G.4X", "G.8X"] = "G.1X"
    """Size of the Spark workers. If you omit it and `workers`, your own `job` keeps its values."""
    workers: Annotated[Annotated[Whole, Field(ge=2, le=299)] | Reference, PlanNumber] = 2
    """Number of Spark workers."""
    max_runtime_seconds: Annotated[Annotated[Whole, Field(ge=60, le=604_800)] | Reference, PlanNumber] = 3600
    """Time limit in seconds, rounded up to minutes. When it is reached, the job run is stopped and the stage
    fails."""

    def value_names(self, word: str) -> tuple[str, ...] | None:
        if word == "metrics":
            return self.metric_names
        return tuple(self.outputs) if word == "outputs" else ()

    @property
    def overwrites_its_result(self) -> bool:
        return isinstance(self.outputs, Mapping)

    @property
    def own_locations(self) -> Mapping[str, str]:
        return self.outputs if isinstance(self.outputs, Mapping) else {}
