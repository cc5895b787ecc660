"""The EventBridge rules on the default event bus.

Each pattern names this account, so that another account that may put events on the bus starts nothing. What
other accounts may ask comes over a bus of their own (infra/modules/accounts), with the patterns of
`model-approval` and `manual`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stagewright.installation.functions import RECORDER, SWEEPER
from stagewright.installation.queues import DEAD_ARN, EVENTS_ARN
from stagewright.installation.template import TEMPLATE
from stagewright.naming import OWN_FOLDERS


@dataclass(frozen=True)
class Rule:
    """A rule with either a `pattern` or a `schedule`.

    `target` is the kind (queue or function) and its key.
    """

    key: str
    description: str
    target: tuple[str, str]
    target_arn: str
    pattern: Mapping[str, Any] | None = None
    schedule: str | None = None

    @property
    def arn(self) -> str:
        return TEMPLATE.arn("events", f"rule/{TEMPLATE.name(self.key)}")

    @property
    def dead_letter_arn(self) -> str | None:
        """The queue for undelivered events. A schedule needs none: its next event makes up for a lost one."""
        return DEAD_ARN if self.pattern else None

    def to_json(self) -> dict[str, Any]:
        """Return the rule. `account` limits its pattern to the events of this account."""
        kind, name = self.target
        target = {"kind": kind, "name": name, "arn": self.target_arn, "dead_letter_arn": self.dead_letter_arn}
        return {
            "name": TEMPLATE.name(self.key),
            "arn": self.arn,
            "description": self.description,
            "pattern": self.pattern and {"account": [TEMPLATE.account], **self.pattern},
            "schedule": self.schedule,
            "target": target,
        }


_QUEUE = ("queue", "events")
ACCOUNT_RULES = TEMPLATE.arn("events", f"rule/{TEMPLATE.name('accounts')}/*")
"""The rules on the bus of other accounts."""


def _object_created(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pattern for new objects in the installation's bucket whose key matches."""
    detail = {"bucket": {"name": [TEMPLATE.bucket]}, "object": {"key": [key]}}
    return {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}


RULES = (
    Rule(
        "release",
        "Push of a release: its manifest was written",
        _QUEUE,
        EVENTS_ARN,
        _object_created({"prefix": "manifests/"}),
    ),
    Rule(
        "data",
        "New object outside the framework's own folders: possibly the data of a pipeline",
        _QUEUE,
        EVENTS_ARN,
        # A list under `prefix` excludes every prefix in it ("Anything-but matching on prefixes", EventBridge
        # user guide, comparison operators).
        _object_created({"anything-but": {"prefix": list(OWN_FOLDERS)}}),
    ),
    Rule(
        "model-approval",
        "Approval or rejection of a model version in the model registry",
        _QUEUE,
        EVENTS_ARN,
        {
            "source": ["aws.sagemaker"],
            "detail-type": ["SageMaker Model Package State Change"],
            "detail": {"ModelApprovalStatus": ["Approved", "Rejected"]},
        },
    ),
    Rule(
        "manual",
        "Request for a run",
        _QUEUE,
        EVENTS_ARN,
        {
            "source": ["stagewright"],
            "detail-type": ["Run Requested"],
            "detail": {"installation": [TEMPLATE.id]},
        },
    ),
    Rule(
        "run-status",
        "End of an execution of the state machine",
        ("function", RECORDER.key),
        RECORDER.arn,
        {
            "source": ["aws.states"],
            "detail-type": ["Step Functions Execution Status Change"],
            "detail": {
                # Executions of a version, too: it is not documented whether their events have its ARN.
                "stateMachineArn": [
                    TEMPLATE.state_machine_arn,
                    {"prefix": f"{TEMPLATE.state_machine_arn}:"},
                ],
                "status": ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
            },
        },
    ),
    Rule(
        "sweep",
        "Repairs what lost events left undone",
        ("function", SWEEPER.key),
        SWEEPER.arn,
        schedule="rate(5 minutes)",
    ),
    Rule(
        "tick",
        "Checks the schedules of pipelines once a minute",
        _QUEUE,
        EVENTS_ARN,
        schedule="rate(1 minute)",
    ),
)
