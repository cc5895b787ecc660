"""The name of a pipeline selects the pending stage of its runs. The decision is recorded with your name and
reason, and the stage's model package gets the same status in the model registry. Changing that status in the
SageMaker console has the same effect as this command.
"""

from __future__ import annotations

from stagewright.cli.commands.approve.decision import Stage, Why, decide
from stagewright.cli.common.options import Json, PipelineOrRun, TargetName
from stagewright.cli.common.target import LOCAL


def command(
    run: PipelineOrRun, why: Why, stage: Stage = None, target: TargetName = LOCAL, as_json: Json = False
) -> None:
    decide(run, stage, why, target, approved=False, as_json=as_json)
