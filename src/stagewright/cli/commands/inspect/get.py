"""Writes each output of the stage to DIR/OUTPUT, and a model to DIR/model.tar.gz. OUTPUT `.` is all outputs,
`report` one of them, `report/plots` a part of it. Nothing is written if a file exists already. The name of a
pipeline selects its newest run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stagewright.api import documents
from stagewright.api.target import LOCAL, existing_session
from stagewright.cli.common import output as printed
from stagewright.cli.common.options import Json, PipelineOrRun, TargetName

StageName = Annotated[str, typer.Argument(metavar="STAGE", help="The stage that made the output.")]
Output = Annotated[str, typer.Argument(metavar="OUTPUT", help="An output, `model`, or a part of an output.")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write to. It is created.")]
Unpack = Annotated[bool, typer.Option("--unpack", help="Unpack each .tar.gz into a folder of its name.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]


def command(
    run: PipelineOrRun,
    stage: StageName,
    output: Output = ".",
    folder: Folder = Path(),
    unpack: Unpack = False,
    overwrite: Overwrite = False,
    target: TargetName = LOCAL,
    as_json: Json = False,
) -> None:
    from stagewright.api.run import Run

    with existing_session(target) as connected:
        found = Run(connected, documents.run_of(connected, run))
        files = found.stages[stage].get(output, folder, unpack=unpack, overwrite=overwrite)
    if as_json:
        printed.print_json({"run": found.id, "stage": stage, "files": files})
        return
    for file in files:
        printed.print_line(str(file))
