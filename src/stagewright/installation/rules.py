"""The event rules, on the default bus of EventBridge."""

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
    """Either a `pattern` or a `schedule`. `target`: kind (queue, function) and short name of the receiver."""

    what: str
    description: str
    target: tuple[str, str]
    target_arn: str
    pattern: Mapping[str, Any] | None = None
    schedule: str | None = None

    @property
    def arn(self) -> str:
        return TEMPLATE.arn("events", f"rule/{TEMPLATE.name(self.what)}")

    @property
    def dead_letter_arn(self) -> str | None:
        """Takes what could not be delivered; a schedule's next tick makes up for a lost one."""
        return DEAD_ARN if self.pattern else None

    def to_json(self) -> dict[str, Any]:
        kind, name = self.target
        target = {"kind": kind, "name": name, "arn": self.target_arn, "dead_letter_arn": self.dead_letter_arn}
        return {
            "name": TEMPLATE.name(self.what),
            "arn": self.arn,
            "description": self.description,
            "pattern": self.pattern,
            "schedule": self.schedule,
            "target": target,
        }


_QUEUE = ("queue", "events")


def _object_created(key: Mapping[str, Any]) -> dict[str, Any]:
    """The pattern of objects in our bucket whose key matches."""
    detail = {"bucket": {"name": [TEMPLATE.bucket]}, "object": {"key": [key]}}
    return {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}


RULES = (
    Rule(
        "release",
        "A pushed release: its manifest was written",
        _QUEUE,
        EVENTS_ARN,
        _object_created({"prefix": "manifests/"}),
    ),
    Rule(
        "data",
        "An object arrived outside the framework's own folders: the router knows whose data it is",
        _QUEUE,
        EVENTS_ARN,
        # A list under `prefix` means none of them ("Anything-but matching on prefixes", EventBridge
        # user guide, comparison operators).
        _object_created({"anything-but": {"prefix": list(OWN_FOLDERS)}}),
    ),
    Rule(
        "model-approval",
        "A version of a model was approved or rejected in the registry",
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
        "Somebody asks for a run",
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
        "An execution of the state machine ended",
        ("function", RECORDER.what),
        RECORDER.arn,
        {
            "source": ["aws.states"],
            "detail-type": ["Step Functions Execution Status Change"],
            "detail": {
                "stateMachineArn": [TEMPLATE.state_machine_arn],
                "status": ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"],
            },
        },
    ),
    Rule(
        "sweep",
        "Looks for what an event missed",
        ("function", SWEEPER.what),
        SWEEPER.arn,
        schedule="rate(5 minutes)",
    ),
    Rule(
        "tick",
        "A minute has begun: the router looks at the schedules",
        _QUEUE,
        EVENTS_ARN,
        schedule="rate(1 minute)",
    ),
)
