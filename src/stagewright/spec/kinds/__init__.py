"""The kinds of stage: one model each, joined into one discriminated union."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from stagewright.spec.kinds.approval import Approval
from stagewright.spec.kinds.endpoint import Endpoint
from stagewright.spec.kinds.function import Function
from stagewright.spec.kinds.gate import Gate
from stagewright.spec.kinds.glue import Glue
from stagewright.spec.kinds.model import ModelStage
from stagewright.spec.kinds.processing import Processing
from stagewright.spec.kinds.register import Register
from stagewright.spec.kinds.training import Training
from stagewright.spec.kinds.transform import Transform
from stagewright.spec.kinds.tuning import Tuning
from stagewright.spec.model import Stage

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

__all__ = [
    "KINDS",
    "AnyStage",
    "Approval",
    "Endpoint",
    "Function",
    "Gate",
    "Glue",
    "ModelStage",
    "Processing",
    "Register",
    "Training",
    "Transform",
    "Tuning",
]
