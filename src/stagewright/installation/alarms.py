"""What wakes somebody, and what to do then. On AWS only: a laptop has its owner in front of it.

Metrics: "Step Functions metrics for CloudWatch", "Available CloudWatch metrics for Amazon SQS", "Types of
metrics for Lambda functions", "Amazon EventBridge metrics" in the services' guides; the others come from the
functions' structured logs (`LOG_METRICS`). New ids of a redrive: "Learn how to configure a dead-letter queue
redrive in Amazon SQS".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from stagewright.installation.functions import FUNCTIONS, ROUTER, SWEEPER, Function
from stagewright.installation.rules import RULES
from stagewright.installation.template import TEMPLATE

NAMESPACE = f"{TEMPLATE.prefix}/{TEMPLATE.environment}"
"""Of our own metrics: one for each installation, so that they need no dimensions."""
MINUTE, HOUR, DAY = 60, 3600, 24 * 3600


@dataclass(frozen=True)
class LogMetric:
    """A metric filter: what in the log of a function becomes a metric. `pattern`: CloudWatch Logs' syntax."""

    what: str
    log_group: str
    pattern: str
    metric: str
    value: str = "1"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "name": TEMPLATE.name(self.what), "namespace": NAMESPACE}


@dataclass(frozen=True)
class Alarm:
    """Goes off where the `statistic` over `period` seconds compares so with `threshold`, `periods` times.

    `description` says what happened, `remedy` what to do; `missing` how periods without data count.
    """

    what: str
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
        return TEMPLATE.arn("cloudwatch", f"alarm:{TEMPLATE.name(self.what)}")

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "dimensions": dict(self.dimensions), "name": TEMPLATE.name(self.what)}


def _errors(function: Function) -> LogMetric:
    metric = f"{function.what.capitalize()}Errors"
    return LogMetric(f"{function.what}-errors", function.what, '{ $.level = "ERROR" }', metric)


LOG_METRICS = (
    *map(_errors, FUNCTIONS),
    LogMetric("repairs", SWEEPER.what, '{ $.metric = "Repairs" }', "Repairs", "$.value"),
    LogMetric("oldest-run", SWEEPER.what, '{ $.metric = "OldestRun" }', "OldestRun", "$.value"),
    LogMetric("refused", ROUTER.what, '{ $.metric = "Refused" }', "Refused"),
)

_MACHINE = {"StateMachineArn": TEMPLATE.state_machine_arn}
_SHOW = "`stagewright runs` lists the runs, `stagewright show RUN` says which stage ended it and why"
_LOG = f"search its log group /aws/lambda/{TEMPLATE.id}-FUNCTION for level ERROR"


def _logged(function: Function) -> Alarm:
    return Alarm(
        f"{function.what}-errors",
        NAMESPACE,
        f"{function.what.capitalize()}Errors",
        {},
        f"The {function.what} logged an error",
        f"{_LOG.replace('FUNCTION', function.what)}; what it could not do"
        " is tried again, and what it cannot read goes to the queue events-dead",
    )


def _crashed(function: Function) -> Alarm:
    return Alarm(
        f"{function.what}-crashes",
        "AWS/Lambda",
        "Errors",
        {"FunctionName": TEMPLATE.name(function.what)},
        f"The {function.what} ended with an error, or ran out of time or memory",
        f"{_LOG.replace('FUNCTION', function.what)}, `Task timed out` and"
        " `Runtime.`; an import error means a wrong layer",
    )


def _undelivered(rule: str) -> Alarm:
    return Alarm(
        f"{rule}-undelivered",
        "AWS/Events",
        "FailedInvocations",
        {"RuleName": TEMPLATE.name(rule)},
        f"EventBridge could not deliver an event of the rule {rule}",
        "Its target is gone or refuses: `terraform plan` shows what differs; the sweeper repairs the rest",
    )


ALARMS = (
    Alarm(
        "failed-runs",
        "AWS/States",
        "ExecutionsFailed",
        _MACHINE,
        "A run failed",
        f"{_SHOW}. Run again to resume there",
    ),
    Alarm(
        "timed-out-runs",
        "AWS/States",
        "ExecutionsTimedOut",
        _MACHINE,
        "A run took longer than the machine lets it",
        _SHOW,
    ),
    Alarm(
        "stuck-runs",
        NAMESPACE,
        "OldestRun",
        {},
        "A run has been open for a day (threshold in seconds)",
        f"{_SHOW}; `stagewright stop RUN` ends it, its jobs included",
        threshold=DAY,
        statistic="Maximum",
        period=15 * MINUTE,
    ),
    Alarm(
        "refused-runs",
        NAMESPACE,
        "Refused",
        {},
        "A document, an override or a release was not valid, so its run was refused",
        "`stagewright runs` shows the reason, with the place in the document; correct it and push again",
    ),
    Alarm(
        "dead-letters",
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        {"QueueName": TEMPLATE.name("events-dead")},
        "An event could not be read or delivered",
        "`stagewright dlq` shows it, and why; when the cause is gone, `stagewright dlq replay --all`."
        " A redrive in the console gives a message a new id, so that a run may start twice",
        statistic="Maximum",
    ),
    Alarm(
        "late-events",
        "AWS/SQS",
        "ApproximateAgeOfOldestMessage",
        {"QueueName": TEMPLATE.name("events")},
        "An event has waited for a quarter of an hour (threshold in seconds)",
        "The router fails or is throttled: see its errors, and the account's limit of concurrent executions",
        threshold=15 * MINUTE,
        statistic="Maximum",
    ),
    Alarm(
        "repairs",
        NAMESPACE,
        "Repairs",
        {},
        "The sweeper had to repair several times within an hour",
        "Events are lost: is EventBridge on for the bucket, do the rules exist, does the recorder work?",
        threshold=5,
        period=HOUR,
    ),
    Alarm(
        "silent-sweeper",
        "AWS/Lambda",
        "Invocations",
        {"FunctionName": TEMPLATE.name(SWEEPER.what)},
        "The sweeper has not run for half an hour",
        "Is the rule `sweep` enabled, may EventBridge invoke the function?",
        period=30 * MINUTE,
        comparison="LessThanThreshold",
        missing="breaching",
    ),
    *map(_logged, FUNCTIONS),
    *map(_crashed, FUNCTIONS),
    *(_undelivered(rule.what) for rule in RULES),
)
