"""The kinds of stage: one model each, joined into one discriminated union."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stagewright.spec.kinds.endpoint import Endpoint
from stagewright.spec.kinds.gate import Gate
from stagewright.spec.kinds.processing import Processing
from stagewright.spec.kinds.register import Register
from stagewright.spec.kinds.training import Training

AnyStage = Annotated[Processing | Training | Gate | Register | Endpoint, Field(discriminator="kind")]

__all__ = ["AnyStage", "Endpoint", "Gate", "Processing", "Register", "Training"]
