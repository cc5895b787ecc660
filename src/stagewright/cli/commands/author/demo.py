"""Keeps its state in .stagewright in the current folder and leaves no process running. The second time, it
reuses the results. Outside Stagewright's repository, the command copies the example to house-price, where you
can edit it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from stagewright.api.target import LOCAL, Session, session
from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program, run_command, shell_path
from stagewright.cli.common.options import Json
from stagewright.errors import RunFailedError

if TYPE_CHECKING:
    from stagewright.runs.history.records import RunRecord

NAME = "house-price"
CHECKOUT = Path(__file__).parents[5] / "examples" / NAME
PACKAGED = Path(__file__).parents[3] / "examples" / NAME
"""The copy of the example in the wheel."""
TRUE_PRICE = 191_500
"""Price of the house of house.json in January 2010, in US dollars."""


def command(as_json: Json = False) -> None:
    from stagewright.api import launch
    from stagewright.api.source import Source
    from stagewright.cli.common import live_view, summary

    example = find_example()
    source = Source.read(example / "pipeline.yaml")
    with session(LOCAL, runs=True) as connected:
        run = launch.start(connected, source, {}, force=False)
        record = live_view.watch(connected, run)
        summary.print_warnings(connected.gateway, record)
        if record.status != "SUCCEEDED":
            summary.print_outcome(connected.gateway, record, run_command(example))
            raise typer.Exit(RunFailedError.exit_code)
        made = outcome(connected, record, example / "house.json")
    if as_json:
        output.print_json(made)
    else:
        print_outcome(made, shell_path(example))


def find_example() -> Path:
    """The example in the repository, else a copy in the current folder, which is made once."""
    if (CHECKOUT / "pipeline.yaml").is_file():
        return CHECKOUT
    copy = Path.cwd() / NAME
    if not copy.exists():
        shutil.copytree(PACKAGED, copy)
        output.note(f"copied the example to {copy}")
    return copy


def outcome(connected: Session, record: RunRecord, house: Path) -> dict[str, Any]:
    """The results of the run, and the endpoint's prediction for a house whose price is known."""
    results = {stage.name: stage.result for stage in record.stages}
    endpoint = results["deploy"]["endpoint"]
    answer = connected.gateway.endpoints.invoke(endpoint, house.read_bytes(), "application/json")
    return {
        "run": record.run,
        "actions": {stage.name: stage.action for stage in record.stages},
        "metrics": results["evaluate"]["metrics"],
        "package": results["register"]["package"],
        "endpoint": endpoint,
        "predicted": json.loads(answer.body)["sale_price"][0],
        "price": TRUE_PRICE,
    }


def print_outcome(made: dict[str, Any], example: str) -> None:
    from stagewright.cli.common.summary import package_name

    metrics, actions = made["metrics"], made["actions"]
    reused = [name for name, action in actions.items() if action == "reuse"]
    output.print_line()
    output.print_line(
        f"R2 {metrics['r2']:.3f} on {metrics['sales']:.0f} sales of 2010, which were not used in training"
    )
    output.print_line(f"model package: {package_name(made['package'])}")
    prediction = f"predicts {made['predicted']:,.0f} for a house that sold for {made['price']:,}"
    output.print_line(f"endpoint {made['endpoint']}: {prediction}")
    if reused:
        output.print_line(f"reused from an earlier run: {', '.join(reused)}")
    output.print_line()
    output.print_line(f"next: change n-estimators in {example}/pipeline.yaml and plan the next run:")
    output.print_line(f"        {program()} plan {example}")
    output.print_line("      request a prediction:")
    output.print_line(f"        {program()} predict {NAME} --input {example}/house.json")
