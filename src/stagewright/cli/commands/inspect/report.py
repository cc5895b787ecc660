"""The file shows the graph of the stages, the timeline, why each stage ran, gates with their numbers,
metrics, outputs, cost, the document, and the last log lines of what failed. It needs no network, no
script and no access to the target, and can be printed. The name of a pipeline selects its newest run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from stagewright.api import documents
from stagewright.api.target import LOCAL, existing_session
from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program
from stagewright.cli.common.options import PipelineOrRun, TargetName
from stagewright.errors import TargetError

Output = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="The file to write, or - for standard output.")
]


def command(run: PipelineOrRun, to: Output = "", target: TargetName = LOCAL) -> None:
    with existing_session(target) as connected:
        from stagewright.console import run_facts
        from stagewright.console.report import report

        facts = run_facts.read(connected.gateway, documents.run_of(connected, run))
    option = "" if target == LOCAL else f" --target {target}"
    html = report(facts, f"{program()} show {facts.record.run}{option}")
    if to == "-":
        sys.stdout.write(html)
        return
    file = Path(to or f"{facts.record.run}.html")
    try:
        file.write_text(html, "utf-8")
    except OSError as error:
        message = f"{file} cannot be written: {error.strerror}"
        raise TargetError(message, "name another file with --output") from error
    output.print_line(f"wrote {file} ({len(html.encode()) / 1000:.0f} kB)")
