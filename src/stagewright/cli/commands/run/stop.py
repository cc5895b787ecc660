"""The name of a pipeline selects its newest run. The command waits until the jobs of the run have stopped."""

from __future__ import annotations

from stagewright.api import documents, formatting
from stagewright.api.target import LOCAL, existing_session
from stagewright.cli.common import output
from stagewright.cli.common.options import Json, PipelineOrRun, TargetName


def command(run: PipelineOrRun, target: TargetName = LOCAL, as_json: Json = False) -> None:
    from stagewright.api import launch
    from stagewright.cli.common import live_view
    from stagewright.runs.stop import stop

    with existing_session(target) as connected:
        run_id = documents.run_of(connected, run)
        stop(connected.gateway, run_id, launch.caller(connected))
        record = live_view.watch(connected, run_id)
    if as_json:
        output.print_json({"run": run_id, "status": record.status, "reason": record.reason})
    else:
        output.print_line(formatting.headline(record))
