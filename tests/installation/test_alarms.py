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
def test_alarm_watches_an_existing_metric_and_has_a_remedy(alarm):
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


def test_keys_are_unique():
    for named in (ALARMS, LOG_METRICS):
        assert len({each.key for each in named}) == len(named)


def test_failures_raise_an_alarm():
    assert {"failed-runs", "dead-letters", "stuck-runs", "repairs", "rejected-runs"} <= PARTS["alarms"].keys()
    for function in FUNCTIONS:
        assert {f"{function.key}-errors", f"{function.key}-crashes"} <= PARTS["alarms"].keys()


@pytest.mark.parametrize("metric", LOG_METRICS, ids=lambda metric: metric.key)
def test_log_metric_reads_an_existing_log_group_and_a_logged_field(metric):
    assert metric.log_group in PARTS["log_groups"]
    field, value = re.fullmatch(r'\{ \$\.(\w+) = "(\w+)" \}', metric.pattern).groups()
    if field == "metric":
        sources = [file.read_text() for file in (PACKAGE / "runs").rglob("*.py")]
        assert any(f'metric="{value}"' in source for source in sources)


def test_dashboard_shows_every_alarm_without_overlapping_widgets():
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


def test_layer_version_is_the_one_of_the_lambda_only_tests():
    noted = (Path(__file__).parents[1] / "packaging" / "lambda_only" / "requirements.txt").read_text()
    name, version = re.search(r"layer (\S+),\s+(?:#\s*)?version (\d+)", noted).groups()
    (arn,) = layers()["powertools"]["aws"].values()
    assert arn.endswith(f":layer:{name}:{version}")
