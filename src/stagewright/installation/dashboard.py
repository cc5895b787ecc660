"""The CloudWatch dashboard.

Source of the widgets: "Dashboard body structure and syntax" in CloudWatch's API reference.
"""

from __future__ import annotations

from typing import Any

from stagewright.installation.alarms import ALARMS, NAMESPACE
from stagewright.installation.functions import FUNCTIONS
from stagewright.installation.template import TEMPLATE

WIDTH, HEIGHT = 12, 6
"""In grid units. The grid is 24 columns wide, so a row holds two charts."""

_Metric = list[Any]


def dashboard() -> dict[str, Any]:
    """Return the dashboard: all alarms, then the charts."""
    alarms = {
        "type": "alarm",
        "x": 0,
        "y": 0,
        "width": 2 * WIDTH,
        "height": HEIGHT,
        "properties": {"title": "Alarms", "alarms": [alarm.arn for alarm in ALARMS]},
    }
    charts = [_chart(position, *chart) for position, chart in enumerate(_charts())]
    return {"name": TEMPLATE.id, "body": {"widgets": [alarms, *charts]}}


def _charts() -> list[tuple[str, str, list[_Metric]]]:
    """Return title, statistic and metrics of each chart."""
    names = [TEMPLATE.name(function.key) for function in FUNCTIONS]
    ended = ("ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsAborted", "ExecutionsTimedOut")
    machine = ["StateMachineArn", TEMPLATE.state_machine_arn]
    queues = [TEMPLATE.name("events"), TEMPLATE.name("events-dead")]
    return [
        ("Runs", "Sum", [["AWS/States", metric, *machine] for metric in ended]),
        ("Duration of runs (ms)", "Average", [["AWS/States", "ExecutionTime", *machine]]),
        ("Waiting events", "Maximum", [_queue_length(name) for name in queues]),
        (
            "Errors of the functions",
            "Sum",
            [["AWS/Lambda", "Errors", "FunctionName", name] for name in names],
        ),
        (
            "Duration of the functions (ms)",
            "p95",
            [["AWS/Lambda", "Duration", "FunctionName", name] for name in names],
        ),
        ("Repairs and rejected runs", "Sum", [[NAMESPACE, "Repairs"], [NAMESPACE, "Rejected"]]),
    ]


def _queue_length(name: str) -> _Metric:
    return ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", name]


def _chart(position: int, title: str, statistic: str, metrics: list[_Metric]) -> dict[str, Any]:
    row, column = divmod(position, 2)
    return {
        "type": "metric",
        "x": column * WIDTH,
        "y": (row + 1) * HEIGHT,
        "width": WIDTH,
        "height": HEIGHT,
        "properties": {
            "title": title,
            "stat": statistic,
            "period": 300,
            "region": TEMPLATE.region,
            "view": "timeSeries",
            "metrics": metrics,
        },
    }
