"""A pipeline's name stands for what waits in its runs. Who and why is recorded, and the stage's model package
gets the same status in the registry; setting that in SageMaker's console decides as well.
"""

from __future__ import annotations

from stagewright.cli.commands.approve.decision import Stage, Why, decide
from stagewright.cli.common.options import Json, PipelineOrRun, TargetName
from stagewright.cli.common.target import LOCAL


def command(
    place: PipelineOrRun, why: Why, stage: Stage = None, target: TargetName = LOCAL, as_json: Json = False
) -> None:
    decide(place, stage, why, target, approved=True, as_json=as_json)
