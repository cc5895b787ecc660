"""The pipeline document: what a user writes, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints

ValueType = Literal["text", "number", "flag", "uri", "package", "model"]
ANY: tuple[ValueType, ...] = ("text", "number", "flag", "uri", "package", "model")
Known = Literal["plan", "run"]


@dataclass(frozen=True)
class Accepts:
    """Which `${...}` references a field takes. A field without this takes none.

    `types`: of the value. `known`: "plan" where the value must be there before the run starts.
    `roots`: first words of the references allowed, where not all are. `as_text`: AWS takes the value as text,
    so that a number which only the run knows cannot be the whole of it.
    """

    types: tuple[ValueType, ...] = ANY
    known: Known = "run"
    roots: tuple[str, ...] = ()
    as_text: bool = False


INSTALLATION_ROOTS = ("account", "bucket", "environment", "pipeline", "region", "run", "trigger")

NAME_RULES = {
    (PIPELINE_NAME := r"^[a-z](-?[a-z0-9])*$"): "small letters, digits and single hyphens, a letter first",
    (NAME := r"^[A-Za-z0-9](-?[A-Za-z0-9_])*$"): "letters, digits, underscores and single hyphens",
    (AWS_NAME := r"^[A-Za-z0-9](-*[A-Za-z0-9])*$"): "letters, digits and hyphens",
    (REFERENCE := r"^\$\{[^${}]+\}$"): "a reference such as ${parameters.size}",
    (DURATION := r"^[1-9][0-9]{0,5}[smhdw]$"): "a number and one of s, m, h, d, w, such as 10m or 7d",
    (RUN := r"^[a-z0-9-]+-\d{8}t\d{6}-[0-9a-z]{6}$"): "the id of a run",
}
"""Pattern -> the same in words, for messages and the reference."""

PipelineName = Annotated[str, StringConstraints(pattern=PIPELINE_NAME, max_length=40)]
StageName = Annotated[str, StringConstraints(pattern=PIPELINE_NAME, max_length=32)]
Name = Annotated[str, StringConstraints(pattern=NAME, max_length=64)]
AwsName = Annotated[str, StringConstraints(pattern=AWS_NAME, max_length=63)]
"""Names of endpoints and model package groups: botocore's model, EndpointName and EntityName."""

Reference = Annotated[str, StringConstraints(pattern=REFERENCE)]
Duration = Annotated[str, StringConstraints(pattern=DURATION)]
RunId = Annotated[str, StringConstraints(pattern=RUN)]
Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Finite = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Scalar = bool | int | float | str

Text = Annotated[str, Accepts(as_text=True)]
PlanText = Annotated[str, Accepts(known="plan")]
DefaultText = Annotated[str, Accepts(known="plan", roots=(*INSTALLATION_ROOTS, "parameters", "partition"))]
S3Uri = Annotated[str, Accepts(("uri", "text"))]
Served = Annotated[str, Accepts(("package", "uri", "model", "text"))]
"""What can be served: a model package, a model artifact, or a SageMaker model by its name."""
PlanNumber = Accepts(("number",), known="plan")

Count = Annotated[Annotated[Whole, Field(ge=1)] | Reference, PlanNumber]
Seconds = Annotated[Annotated[Whole, Field(ge=1, le=2_419_200)] | Reference, PlanNumber]
"""At most 28 days: StoppingCondition.MaxRuntimeInSeconds in the SageMaker API reference."""


class Model(BaseModel):
    """Frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
