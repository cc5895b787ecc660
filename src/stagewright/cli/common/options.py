"""Options and arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from stagewright.api.target import VARIABLE
from stagewright.cli.common.command_hints import remember_target

Document = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="A document, or a folder with a pipeline.yaml.")
]
PipelineName = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="The name of a pipeline, or the path of its document.")
]
PipelineOrRun = Annotated[
    str, typer.Argument(metavar="PIPELINE|RUN", help="The id of a run, or a pipeline for its newest run.")
]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON document on standard output.")]
Instances = Annotated[bool, typer.Option("--instances", help="Give each item of a list a row.")]
TargetName = Annotated[
    str,
    typer.Option(
        "--target",
        metavar="NAME",
        envvar=VARIABLE,
        callback=remember_target,
        help="`local`, or a table [targets.NAME] of stagewright.toml in this folder or a parent. The table"
        " sets bucket, region and environment, and optionally prefix, profile and account.",
    ),
]
Parameters = Annotated[
    list[str],
    typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="Set a declared parameter. Repeatable."),
]
Only = Annotated[
    list[str],
    typer.Option(
        "--only",
        metavar="STAGES",
        help="Run only these stages (a,b). The others reuse their last good result.",
    ),
]
From = Annotated[
    list[str],
    typer.Option(
        "--from", metavar="STAGES", help="Run these stages and all that depend on them, changed or not."
    ),
]
Skip = Annotated[
    list[str], typer.Option("--skip", metavar="STAGES", help="Disable these stages in this run.")
]
Bypass = Annotated[
    list[str],
    typer.Option(
        "--bypass",
        metavar="STAGES",
        help="Run what these gates and approvals guard without them. Needs --reason.",
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why --bypass is needed. The run records it.")
]
Date = Annotated[
    str | None,
    typer.Option(
        "--date",
        metavar="DATE",
        help="The value of ${trigger.date}: 2026-01-31 or 2026-01. The default is today.",
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Run every enabled stage, even if its inputs are unchanged.")
]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Watch the run until it ends, or exit when it has started.")
]
