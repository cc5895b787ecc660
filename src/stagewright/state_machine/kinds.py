"""The kinds of stage that the machine knows: for each, when it applies, where it starts, and its states."""

from __future__ import annotations

from stagewright.stages.approval import states as approval
from stagewright.stages.base.states import Kind
from stagewright.stages.endpoint import states as endpoint
from stagewright.stages.gate import states as gate
from stagewright.stages.glue import states as glue
from stagewright.stages.lambda_function import states as function
from stagewright.stages.model import states as model
from stagewright.stages.processing import states as processing
from stagewright.stages.register import states as register
from stagewright.stages.training import states
from stagewright.stages.transform import states as transform
from stagewright.stages.tuning import states as tuning

KINDS: tuple[Kind, ...] = (
    *processing.KINDS,
    states.KIND,
    tuning.KIND,
    gate.KIND,
    model.KIND,
    register.KIND,
    *approval.KINDS,
    *transform.KINDS,
    endpoint.KIND,
    function.KIND,
    *glue.KINDS,
)
