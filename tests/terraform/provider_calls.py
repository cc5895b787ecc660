"""The calls that the AWS provider made, from its debug log, as IAM actions."""

from __future__ import annotations

import re
from pathlib import Path

_REQUEST = re.compile(r"DEBUG: Request ([a-z0-9]+)/(\w+) Details")
_SERVICES = {"monitoring": "cloudwatch"}
"""SDK's name of a service -> IAM's."""
_ACTIONS = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjects": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
    "s3:GetBucketCors": "s3:GetBucketCORS",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:GetBucketReplication": "s3:GetReplicationConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}
"""Operations whose action has another name ("Actions, resources, and condition keys for Amazon S3")."""
OLD = {
    "iam:GetUser": "3.39 looks up the account; 6.x only calls sts:GetCallerIdentity",
    "logs:ListTagsLogGroup": "6.x calls logs:ListTagsForResource",
    "sts:GetCallerIdentity": "needs no permission",
}
"""Actions that the roles need not have, with the reason."""


def actions(log: Path) -> set[str]:
    calls = {
        f"{_SERVICES.get(service, service)}:{operation}"
        for service, operation in _REQUEST.findall(log.read_text(errors="replace"))
    }
    return {_ACTIONS.get(call, call) for call in calls} - OLD.keys()
