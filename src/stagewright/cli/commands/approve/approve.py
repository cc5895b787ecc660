"""The name of a pipeline selects its pending model version or stage. Name the version or the stage if several
are pending; `stagewright approvals` lists them. The decision is recorded with your name and reason, and the
model version gets the same status in the model registry. Changing that status in the SageMaker console has
the same effect as this command. What waited for the version then runs, by one new run.
"""

from __future__ import annotations

from stagewright.api.target import LOCAL
from stagewright.cli.commands.approve.decision import What, Why, decide
from stagewright.cli.common.options import Json, PipelineOrRun, TargetName


def command(
    run: PipelineOrRun, why: Why, what: What = None, target: TargetName = LOCAL, as_json: Json = False
) -> None:
    decide(run, what, why, target, approved=True, as_json=as_json)
