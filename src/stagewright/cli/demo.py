"""Uses .stagewright in the current folder and leaves no process. The second time it reuses what it made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from stagewright.cli import output
from stagewright.cli.options import Json
from stagewright.cli.target import LOCAL, Session, session
from stagewright.errors import NotFoundError, RunFailedError

if TYPE_CHECKING:
    from stagewright.run.history import RunRecord

EXAMPLE = Path(__file__).parents[3] / "examples" / "house-price"
TRUE_PRICE = 191_500
"""US dollars: what the house of house.json was sold for, in January 2010."""


def command(as_json: Json = False) -> None:
    from stagewright.cli import launch, live, summary

    source = launch.Source.read(document())
    with session(LOCAL) as connected:
        run = launch.start(connected, source, {}, force=False)
        record = live.watch(connected, run)
        if record.status != "SUCCEEDED":
            summary.print_outcome(connected.gateway, record, str(EXAMPLE))
            raise typer.Exit(RunFailedError.exit_code)
        made = outcome(connected, record)
    if as_json:
        output.print_json(made)
    else:
        print_outcome(made)


def document() -> Path:
    path = EXAMPLE / "pipeline.yaml"
    if not path.is_file():
        raise NotFoundError(
            "the example is not part of the installed package",
            "clone Stagewright's repository and run `stagewright demo` in it, or run a pipeline of your own",
        )
    return path


def outcome(connected: Session, record: RunRecord) -> dict[str, Any]:
    """What the run has made, and what its endpoint says about a house whose price is known."""
    results = {stage.name: stage.result for stage in record.stages}
    endpoint = results["deploy"]["endpoint"]
    house = (EXAMPLE / "house.json").read_bytes()
    answer = connected.gateway.endpoints.invoke(endpoint, house, "application/json")
    return {
        "run": record.run,
        "actions": {stage.name: stage.action for stage in record.stages},
        "metrics": results["evaluate"]["metrics"],
        "package": results["register"]["package"],
        "endpoint": endpoint,
        "predicted": json.loads(answer.body)["sale_price"][0],
        "price": TRUE_PRICE,
    }


def print_outcome(made: dict[str, Any]) -> None:
    from stagewright.cli.summary import package_name

    metrics, actions = made["metrics"], made["actions"]
    reused = [name for name, action in actions.items() if action == "reuse"]
    output.say()
    output.say(f"R2 {metrics['r2']:.3f} on {metrics['sales']:.0f} sales of 2010, which training has not seen")
    output.say(f"model package: {package_name(made['package'])}")
    said = f"predicts {made['predicted']:,.0f} for a house that sold for {made['price']:,}"
    output.say(f"endpoint {made['endpoint']}: {said}")
    if reused:
        output.say(f"reused from an earlier run, since nothing changed: {', '.join(reused)}")
    output.say()
    output.say("next: change n-estimators in examples/house-price/pipeline.yaml, and look at what would run:")
    output.say("        stagewright plan examples/house-price")
    output.say("      ask the endpoint yourself:")
    output.say("        stagewright predict house-price --input examples/house-price/house.json")
