"""The kinds of stage: one model each, joined into one discriminated union."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from stagewright.stages.approval.schema import Approval
from stagewright.stages.base.schema import Stage
from stagewright.stages.endpoint.schema import Endpoint
from stagewright.stages.gate.schema import Gate
from stagewright.stages.glue.schema import Glue
from stagewright.stages.lambda_function.schema import Function
from stagewright.stages.model.schema import ModelStage
from stagewright.stages.processing.schema import Processing
from stagewright.stages.register.schema import Register
from stagewright.stages.training.schema import Training
from stagewright.stages.transform.schema import Transform
from stagewright.stages.tuning.schema import Tuning

AnyStage = Annotated[
    Processing
    | Training
    | Tuning
    | ModelStage
    | Register
    | Approval
    | Gate
    | Transform
    | Endpoint
    | Function
    | Glue,
    Field(discriminator="kind"),
]

KINDS: Mapping[str, type[Stage]] = {
    "processing": Processing,
    "training": Training,
    "tuning": Tuning,
    "model": ModelStage,
    "register": Register,
    "approval": Approval,
    "gate": Gate,
    "transform": Transform,
    "endpoint": Endpoint,
    "lambda": Function,
    "glue": Glue,
}
"""The value of `kind` -> its model."""
