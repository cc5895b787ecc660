from __future__ import annotations

import re
from pathlib import Path

import pytest

from stagewright.installation.alarms import ALARMS, LOG_METRICS, NAMESPACE
from stagewright.installation.archive import PACKAGE
from stagewright.installation.functions import FUNCTIONS
from stagewright.installation.powertools_layer import layers
from stagewright.installation.resources import resources

PARTS = resources()
NAMED = {
    "StateMachineArn": {PARTS["state_machine"]["arn"]},
    "QueueName": {queue["name"] for queue in PARTS["queues"].values()},
    "FunctionName": {function["name"] for function in PARTS["functions"].values()},
    "RuleName": {rule["name"] for rule in PARTS["rules"].values()},
}


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.key)
def test_an_alarm_looks_at_something_that_is_there_and_says_what_to_do(alarm):
    if alarm.namespace == NAMESPACE:
        assert not alarm.dimensions
        assert alarm.metric in {metric.metric for metric in LOG_METRICS}
    else:
        assert alarm.dimensions
    for name, value in alarm.dimensions.items():
        assert value in NAMED[name]
    assert len(alarm.description) > 10
    assert len(alarm.remedy) > 20
    # PutMetricAlarm: descriptions of 1,024 characters, periods of whole minutes, a day in all.
    assert len(f"{alarm.description}. {alarm.remedy}") <= 1024
    assert alarm.period % 60 == 0
    assert alarm.period * alarm.periods <= 86_400


def test_names_are_there_once():
    for named in (ALARMS, LOG_METRICS):
        assert len({each.key for each in named}) == len(named)


def test_what_must_wake_somebody_does():
    assert {"failed-runs", "dead-letters", "stuck-runs", "repairs", "refused-runs"} <= PARTS["alarms"].keys()
    for function in FUNCTIONS:
        assert {f"{function.key}-errors", f"{function.key}-crashes"} <= PARTS["alarms"].keys()


@pytest.mark.parametrize("metric", LOG_METRICS, ids=lambda metric: metric.key)
def test_a_log_metric_reads_a_log_that_is_there_and_a_field_that_somebody_writes(metric):
    assert metric.log_group in PARTS["log_groups"]
    field, value = re.fullmatch(r'\{ \$\.(\w+) = "(\w+)" \}', metric.pattern).groups()
    if field == "metric" and metric.key != "refused":
        source = (PACKAGE / "router" / "sweeper.py").read_text()
        assert f'metric="{value}"' in source


def test_the_dashboard_has_every_alarm_and_overlaps_nowhere():
    widgets = PARTS["dashboard"]["body"]["widgets"]
    assert len(widgets[0]["properties"]["alarms"]) == len(ALARMS)
    cells = [
        (x, y)
        for each in widgets
        for x in range(each["x"], each["x"] + each["width"])
        for y in range(each["y"], each["y"] + each["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_the_layer_is_the_one_that_the_tests_of_lambda_run_with():
    noted = (Path(__file__).parents[1] / "lambda_only" / "requirements.txt").read_text()
    name, version = re.search(r"layer (\S+),\s+(?:#\s*)?version (\d+)", noted).groups()
    (arn,) = layers()["powertools"]["aws"].values()
    assert arn.endswith(f":layer:{name}:{version}")
