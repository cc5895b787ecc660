from __future__ import annotations

import pytest

from stagewright.document.load import load
from stagewright.errors import PlanError
from stagewright.planner import history_limits
from stagewright.planner.planner import plan


def gates(count):
    stages = {f"g{number}": {"kind": "gate", "require": "1 < 2"} for number in range(count)}
    return load({"name": "many", "stages": stages})


def test_run_over_the_history_limit_is_rejected(house):
    with pytest.raises(PlanError, match=r"the run has 25,\d\d\d history events; .* ends it at 25,000"):
        plan(gates(1_930), house.trigger(), house.recorded())


def test_run_below_the_history_limit_is_planned(house):
    made = plan(gates(1_910), house.trigger(), house.recorded())
    assert history_limits.minimum(made) <= history_limits.LIMIT
    assert made.warnings == ()


def test_possible_history_overflow_is_a_warning(house):
    document = house.changed("stages.deploy.max_wait_seconds", 14_400).model_dump(
        mode="json", exclude_unset=True, by_alias=True
    )
    deploys = {f"deploy-{n}": {**document["stages"]["deploy"], "name": f"house-{n}"} for n in range(8)}
    made = plan(
        load({**document, "stages": {**document["stages"], **deploys}}), house.trigger(), house.recorded()
    )
    (warning,) = made.warnings
    assert warning.startswith("with all attempts and waits, the run has ")
