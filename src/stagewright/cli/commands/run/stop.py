"""A pipeline's name stands for its newest run. Its jobs are stopped too, and waited for."""

from __future__ import annotations

from stagewright.cli.common import documents, output
from stagewright.cli.common.options import Json, PipelineOrRun, TargetName
from stagewright.cli.common.target import LOCAL, existing_session


def command(place: PipelineOrRun, target: TargetName = LOCAL, as_json: Json = False) -> None:
    from stagewright.cli.common import launch, live_view, summary
    from stagewright.runs import stop

    with existing_session(target) as connected:
        run = documents.run_of(connected, place)
        stop.stop(connected.gateway, run, launch.caller(connected))
        record = live_view.watch(connected, run)
    if as_json:
        output.print_json({"run": run, "status": record.status, "reason": record.reason})
    else:
        output.print_line(summary.headline(record))
