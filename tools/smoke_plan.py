"""What the smoke test creates, and the most that it costs."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from stagewright.api import price_file
from stagewright.api.source import Source
from stagewright.catalog.prices import Prices, parse
from stagewright.naming import Installation, timestamp
from stagewright.planner import cost
from stagewright.planner.model import Plan, Recorded, Trigger
from stagewright.planner.planner import plan
from stagewright.planner.release import CodeFile, Release
from stagewright.stages.base.usage import Use
from tools import smoke_records
from tools.smoke_observer import OBSERVER

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
ENVIRONMENT = "smoke"
PATIENCE = 2 * 3600
"""Seconds that a run may take. Endpoints run until the end, and expire after two hours."""
HOUR = 3600


def planned(source: Source, region: str) -> Plan:
    """Plan a first run without contacting a target."""
    files = {
        path: CodeFile(hashlib.sha256(body).hexdigest(), "1", len(body))
        for path, body in source.files.items()
    }
    place = Installation("smoke", region, smoke_records.ACCOUNT, ENVIRONMENT)
    trigger = Trigger("manual", "manual:smoke", timestamp(datetime.now(UTC)), "smoke")
    recorded = Recorded(place, Release(source.pipeline.name, files), prices=prices(region))
    return plan(source.pipeline, trigger, recorded)


def prices(region: str) -> Prices | None:
    """Return the prices of the region. None: there is no file of them. DocumentError: it is wrong."""
    path = price_file.path_of(ROOT, region)
    return parse(path.read_bytes(), str(path)) if path.is_file() else None


def announcement(options: argparse.Namespace, plans: Sequence[Plan]) -> str:
    """Describe what the test creates, and its highest possible cost."""
    hours = cost.hours_by_type(uses(plans))
    for use in uses(plans):
        if use.hours is None:
            hours[use.instance_type] = hours.get(use.instance_type, 0) + use.instances * PATIENCE / HOUR
    lines = ["This creates, and destroys at the end:"]
    if options.target == "aws":
        lines.append(f"- the installation stagewright-{ENVIRONMENT}, with the bucket {options.bucket}")
    lines += [f"- {stage.kind} {stage.name} of {each.pipeline}" for each in plans for stage in each.stages]
    lines.append(f"- a queue and a rule stagewright-{ENVIRONMENT}-{OBSERVER}, to receive the events")
    lines += [f"At most {value:.2f} hours of {name}" for name, value in hours.items()]
    return "\n".join([*lines, price_line(options, plans)])


def uses(plans: Sequence[Plan]) -> list[Use]:
    return [use for item in plans for stage in item.stages for use in stage.uses]


def unpriced(plans: Sequence[Plan]) -> tuple[str, ...]:
    return cost.cost_of(uses(plans)).unpriced


def price_line(options: argparse.Namespace, plans: Sequence[Plan]) -> str:
    if options.target == "local":
        return "It costs nothing: it runs on this machine."
    if missing := unpriced(plans):
        remedy = f"{BIN / 'stagewright'} prices update --region {options.region} --all-types"
        return f"The cost is not known: no price for {', '.join(missing)}; next: {remedy}"
    most = cost.cost_of(uses(plans))
    currency = next(item.currency for item in plans if item.currency)
    amount = f"{most.most:.2f} {currency}"
    return f"Its instances cost at most {amount}; requests, logs and storage come to some cents."
