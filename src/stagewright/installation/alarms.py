"""The CloudWatch alarms and log metrics. Terraform creates them; the local target has none.

Metrics: "Step Functions metrics for CloudWatch", "Available CloudWatch metrics for Amazon SQS", "Types of
metrics for Lambda functions", "Amazon EventBridge metrics" in the services' guides. `LOG_METRICS` are the
metrics that CloudWatch reads from the functions' structured logs. A redrive gives messages new ids: "Learn
how to configure a dead-letter queue redrive in Amazon SQS".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from stagewright.installation.functions import FUNCTIONS, ROUTER, SWEEPER, Function
from stagewright.installation.rules import RULES
from stagewright.installation.template import TEMPLATE

NAMESPACE = f"{TEMPLATE.prefix}/{TEMPLATE.environment}"
"""Namespace of the log metrics. Each installation has its own, so the metrics need no dimensions."""
MINUTE, HOUR, DAY = 60, 3600, 24 * 3600


@dataclass(frozen=True)
class LogMetric:
    """A metric filter on a function's log. `pattern` uses the filter syntax of CloudWatch Logs.

    `log_group` is the key of the log group in installation.json.
    """

    key: str
    log_group: str
    pattern: str
    metric: str
    value: str = "1"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "name": TEMPLATE.name(self.key), "namespace": NAMESPACE}


@dataclass(frozen=True)
class Alarm:
    """An alarm on a metric's `statistic` over `periods` periods of `period` seconds each.

    `description` states what happened, `remedy` what to do. `missing` is how CloudWatch treats missing data.
    """

    key: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    description: str
    remedy: str
    threshold: float = 1
    statistic: str = "Sum"
    period: int = 5 * MINUTE
    periods: int = 1
    comparison: str = "GreaterThanOrEqualToThreshold"
    missing: str = "notBreaching"

    @property
    def arn(self) -> str:
        return TEMPLATE.arn("cloudwatch", f"alarm:{TEMPLATE.name(self.key)}")

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "dimensions": dict(self.dimensions), "name": TEMPLATE.name(self.key)}


def _error_metric(function: Function) -> LogMetric:
    metric = f"{function.key.capitalize()}Errors"
    return LogMetric(f"{function.key}-errors", function.key, '{ $.level = "ERROR" }', metric)


LOG_METRICS = (
    *map(_error_metric, FUNCTIONS),
    LogMetric("repairs", SWEEPER.key, '{ $.metric = "Repairs" }', "Repairs", "$.value"),
    LogMetric("oldest-run", SWEEPER.key, '{ $.metric = "OldestRun" }', "OldestRun", "$.value"),
    LogMetric("rejected", ROUTER.key, '{ $.metric = "Rejected" }', "Rejected"),
)

_MACHINE = {"StateMachineArn": TEMPLATE.state_machine_arn}
_SHOW = "`stagewright runs` lists the runs. `stagewright show RUN` shows the failed stage and the reason"


def _search_log(function: Function) -> str:
    return f"Search its log group {function.log_group} for level ERROR"


def _logged_errors(function: Function) -> Alarm:
    return Alarm(
        f"{function.key}-errors",
        NAMESPACE,
        f"{function.key.capitalize()}Errors",
        {},
        f"The {function.key} logged an error",
        f"{_search_log(function)}. Failed work is retried; unreadable events move to the queue events-dead",
    )


def _crashes(function: Function) -> Alarm:
    return Alarm(
        f"{function.key}-crashes",
        "AWS/Lambda",
        "Errors",
        {"FunctionName": TEMPLATE.name(function.key)},
        f"The {function.key} crashed, timed out or ran out of memory",
        f"{_search_log(function)}, `Task timed out` and `Runtime.`. An import error means a wrong layer",
    )


def _undelivered(rule: str) -> Alarm:
    return Alarm(
        f"{rule}-undelivered",
        "AWS/Events",
        "FailedInvocations",
        {"RuleName": TEMPLATE.name(rule)},
        f"EventBridge did not deliver an event of the rule {rule}",
        "The target does not exist or denies access. `terraform plan` shows the difference. The"
        " sweeper makes up for lost events",
    )


ALARMS = (
    Alarm(
        "failed-runs",
        "AWS/States",
        "ExecutionsFailed",
        _MACHINE,
        "A run failed",
        f"{_SHOW}. Run the pipeline again to resume at that stage",
    ),
    Alarm(
        "timed-out-runs",
        "AWS/States",
        "ExecutionsTimedOut",
        _MACHINE,
        "A run exceeded the state machine's timeout",
        _SHOW,
    ),
    Alarm(
        "stuck-runs",
        NAMESPACE,
        "OldestRun",
        {},
        "A run has been open for more than a day (threshold in seconds)",
        f"{_SHOW}. `stagewright stop RUN` stops the run and its jobs",
        threshold=DAY,
        statistic="Maximum",
        period=15 * MINUTE,
    ),
    Alarm(
        "rejected-runs",
        NAMESPACE,
        "Rejected",
        {},
        "A run was rejected because its document, an override or its release is invalid",
        "`stagewright runs` shows the reason with the path in the document. Correct it and push again",
    ),
    Alarm(
        "dead-letters",
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        {"QueueName": TEMPLATE.name("events-dead")},
        "An event is unreadable or could not be delivered",
        "`stagewright dlq` shows the event and the reason. Fix the cause, then run"
        " `stagewright dlq replay --all`. Do not redrive in the SQS console: messages get new ids, so a run"
        " can start twice",
        statistic="Maximum",
    ),
    Alarm(
        "late-events",
        "AWS/SQS",
        "ApproximateAgeOfOldestMessage",
        {"QueueName": TEMPLATE.name("events")},
        "An event has waited for more than 15 minutes (threshold in seconds)",
        "The router fails or is throttled. Check its errors and the account's concurrency limit",
        threshold=15 * MINUTE,
        statistic="Maximum",
    ),
    Alarm(
        "repairs",
        NAMESPACE,
        "Repairs",
        {},
        "The sweeper made five or more repairs within an hour",
        "Events are being lost. Check that the bucket sends events to EventBridge, that the rules exist"
        " and that the recorder works",
        threshold=5,
        period=HOUR,
    ),
    Alarm(
        "silent-sweeper",
        "AWS/Lambda",
        "Invocations",
        {"FunctionName": TEMPLATE.name(SWEEPER.key)},
        "The sweeper has not run for 30 minutes",
        "Check that the rule `sweep` is enabled and that EventBridge has permission to invoke the function",
        period=30 * MINUTE,
        comparison="LessThanThreshold",
        missing="breaching",
    ),
    *map(_logged_errors, FUNCTIONS),
    *map(_crashes, FUNCTIONS),
    *(_undelivered(rule.key) for rule in RULES),
)
