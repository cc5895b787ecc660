"""A plan from the JSON that `Plan.to_json` made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.errors import PlanError, Problem
from stagewright.plan.cost import Use
from stagewright.plan.model import PLAN_FORMAT, Binding, Plan, StagePlan, Trigger


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    """PlanError when it was made by another version of Stagewright."""
    if data.get("format") != PLAN_FORMAT:
        message = f"a plan of format {data.get('format')}; this version reads format {PLAN_FORMAT}"
        raise PlanError((Problem("plan", message, "plan again"),))
    return Plan(
        **{
            **data,
            "trigger": Trigger.from_json(data["trigger"]),
            "stages": tuple(_stage(stage) for stage in data["stages"]),
            "waves": tuple(tuple(tuple(chain) for chain in wave) for wave in data["waves"]),
            "warnings": tuple(data["warnings"]),
        }
    )


def _stage(data: Mapping[str, Any]) -> StagePlan:
    bindings = tuple(Binding(binding["token"], tuple(binding["path"])) for binding in data["bindings"])
    uses = tuple(Use(**use) for use in data["uses"])
    lists = {name: tuple(data[name]) for name in ("bundle", "gates", "watch")}
    return StagePlan(**{**data, **lists, "bindings": bindings, "uses": uses})
