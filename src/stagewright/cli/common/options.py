"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Document = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="A document, or a folder with a pipeline.yaml.")
]
PipelineName = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="A pipeline's name, or the place of its document.")
]
PipelineOrRun = Annotated[
    str,
    typer.Argument(metavar="PIPELINE|RUN", help="A pipeline (its newest run is meant), or the id of a run."),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document, and nothing else, on standard output.")
]
TargetName = Annotated[
    str,
    typer.Option(
        "--target",
        metavar="NAME",
        envvar="STAGEWRIGHT_TARGET",
        help="`local`, or a table [targets.NAME] of stagewright.toml, here or in a folder above: bucket,"
        " region, environment, and if need be prefix, profile, account.",
    ),
]
Parameters = Annotated[
    list[str],
    typer.Option(
        "--parameter", "-p", metavar="NAME=VALUE", help="Another value for a declared parameter; repeatable."
    ),
]
Only = Annotated[
    list[str],
    typer.Option(
        "--only",
        metavar="STAGES",
        help="Only these stages run (a,b); the others lend their last good result.",
    ),
]
From = Annotated[
    list[str],
    typer.Option(
        "--from", metavar="STAGES", help="These run, whatever changed, and all that depends on them."
    ),
]
Skip = Annotated[list[str], typer.Option("--skip", metavar="STAGES", help="These are off in this run.")]
Date = Annotated[
    str | None,
    typer.Option(
        "--date",
        metavar="DATE",
        help="What ${trigger.date} stands for: 2026-01-31 or 2026-01; today when left out.",
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Run every stage that is on, also where nothing changed.")
]
