"""The topics: `notifications` for people who own pipelines, `alarms` for whoever is on call.

They are two because of their keys: CloudWatch cannot publish to a topic that is encrypted with AWS's own key
for SNS, whose policy nobody can change (knowledge center, "How can I configure a CloudWatch alarm with an
encrypted Amazon SNS topic?"). So `alarms` is encrypted only where the installation has a key of its own.
"""

from __future__ import annotations

from typing import Any

from stagewright.installation.bucket import tls_only
from stagewright.installation.functions import TOPIC, TOPIC_ARN
from stagewright.installation.template import TEMPLATE

ALARMS_ARN = TEMPLATE.arn("sns", TEMPLATE.name("alarms"))


def topics() -> dict[str, Any]:
    alarms = {"name": TEMPLATE.name("alarms"), "kms_key": None, "arn": ALARMS_ARN}
    return {
        "notifications": {**TOPIC, "arn": TOPIC_ARN, "policy": _policy(TOPIC_ARN)},
        "alarms": {**alarms, "policy": _policy(ALARMS_ARN, _alarms_may_publish())},
    }


def _alarms_may_publish() -> dict[str, Any]:
    return {
        "Sid": "Alarms",
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": ALARMS_ARN,
        "Condition": {"StringEquals": {"aws:SourceAccount": TEMPLATE.account}},
    }


def _policy(arn: str, *statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [*statements, tls_only("sns:Publish", [arn])]}
