"""Types of the fields of a document: names, numbers, durations, and texts that accept references."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints

ValueType = Literal["text", "number", "flag", "uri", "package", "model"]
ANY: tuple[ValueType, ...] = ("text", "number", "flag", "uri", "package", "model")
Known = Literal["plan", "run"]


@dataclass(frozen=True)
class Accepts:
    """The `${...}` references that a field accepts. A field without this annotation accepts none.

    Fields:
        types: Accepted types of the referenced value.
        known: "plan" if the value must be known before the run starts.
        roots: Accepted first words of a reference. Empty: all.
        as_text: AWS takes the value as a string, so a number that is known only during the run cannot be
            the whole value.
    """

    types: tuple[ValueType, ...] = ANY
    known: Known = "run"
    roots: tuple[str, ...] = ()
    as_text: bool = False


INSTALLATION_ROOTS = ("account", "bucket", "environment", "pipeline", "region", "run", "trigger")

NAME_RULES = {
    (
        PIPELINE_NAME := r"^[a-z](-?[a-z0-9])*$"
    ): "lowercase letters, digits and single hyphens, beginning with a letter",
    (NAME := r"^[A-Za-z0-9](-?[A-Za-z0-9_])*$"): "letters, digits, underscores and single hyphens",
    (AWS_NAME := r"^[A-Za-z0-9](-*[A-Za-z0-9])*$"): "letters, digits and hyphens",
    (REFERENCE := r"^\$\{[^${}]+\}$"): "a reference such as ${parameters.size}",
    (DURATION := r"^[1-9][0-9]{0,5}[smhdw]$"): "a number and a unit (s, m, h, d or w), such as 10m or 7d",
    (RUN := r"^[a-z0-9-]+-\d{8}t\d{6}-[0-9a-z]{6}$"): "the id of a run",
    (
        CONTAINER_FOLDER := r"^/opt/ml/processing/[^/]+(/[^/]+)*$"
    ): "/opt/ml/processing/ and the name of a folder",
}
"""Pattern -> its description, for messages and the reference."""

PipelineName = Annotated[str, StringConstraints(pattern=PIPELINE_NAME, max_length=40)]
StageName = Annotated[str, StringConstraints(pattern=PIPELINE_NAME, max_length=32)]
Name = Annotated[str, StringConstraints(pattern=NAME, max_length=64)]
AwsName = Annotated[str, StringConstraints(pattern=AWS_NAME, max_length=63)]
"""The name of an endpoint or model package group (botocore's service model: EndpointName and EntityName)."""

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
"""A model to serve: a model package ARN, the S3 URI of a model artifact, or the name of a SageMaker model."""
PlanNumber = Accepts(("number",), known="plan")

Count = Annotated[Annotated[Whole, Field(ge=1)] | Reference, PlanNumber]
Seconds = Annotated[Annotated[Whole, Field(ge=1, le=2_419_200)] | Reference, PlanNumber]
"""At most 28 days (SageMaker API reference: StoppingCondition.MaxRuntimeInSeconds)."""


class Model(BaseModel):
    """Base of every model of a document. It is frozen and rejects unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
