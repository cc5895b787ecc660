"""The SNS topics: `notifications` for the owners of pipelines, `alarms` for the people on call.

They have different encryption keys. CloudWatch cannot publish to a topic that is encrypted with AWS's key for
SNS, and the policy of that key cannot be changed (knowledge center, "How can I configure a CloudWatch alarm
with an encrypted Amazon SNS topic?"). Therefore `alarms` is encrypted only if the installation has its own
key.
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
        "alarms": {**alarms, "policy": _policy(ALARMS_ARN, _allow_alarms())},
    }


def _allow_alarms() -> dict[str, Any]:
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
