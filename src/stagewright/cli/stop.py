"""A pipeline's name stands for its newest run. Its jobs are stopped too, and waited for."""

from __future__ import annotations

from stagewright.cli import documents, output
from stagewright.cli.options import Json, PipelineOrRun, TargetName
from stagewright.cli.target import LOCAL, kept


def command(place: PipelineOrRun, target: TargetName = LOCAL, as_json: Json = False) -> None:
    from stagewright.cli import launch, live, summary
    from stagewright.run import stop

    with kept(target) as connected:
        run = documents.run_of(connected, place)
        stop.stop(connected.gateway, run, launch.caller(connected))
        record = live.watch(connected, run)
    if as_json:
        output.print_json({"run": run, "status": record.status, "reason": record.reason})
    else:
        output.say(summary.headline(record))
