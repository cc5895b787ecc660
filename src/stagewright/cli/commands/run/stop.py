"""The name of a pipeline selects its newest run. The command waits until the jobs of the run have stopped."""

from __future__ import annotations

from stagewright.cli.common import documents, output
from stagewright.cli.common.options import Json, PipelineOrRun, TargetName
from stagewright.cli.common.target import LOCAL, existing_session


def command(run: PipelineOrRun, target: TargetName = LOCAL, as_json: Json = False) -> None:
    from stagewright.cli.common import launch, live_view, summary
    from stagewright.runs.stop import stop

    with existing_session(target) as connected:
        run_id = documents.run_of(connected, run)
        stop(connected.gateway, run_id, launch.caller(connected))
        record = live_view.watch(connected, run_id)
    if as_json:
        output.print_json({"run": run_id, "status": record.status, "reason": record.reason})
    else:
        output.print_line(summary.headline(record))
