"""The bucket: versioned, private, encrypted, TLS only, with events sent to EventBridge.

Versioning is required: the version id of a release manifest is the key of the run that it triggers.
"""

from __future__ import annotations

from typing import Any

from stagewright.installation.template import TEMPLATE

NONCURRENT_DAYS = 90
"""Old versions of staged code and manifests are kept as long as Step Functions reserves execution names."""


def bucket() -> dict[str, Any]:
    arn = f"arn:{TEMPLATE.partition}:s3:::{TEMPLATE.bucket}"
    return {
        "name": TEMPLATE.bucket,
        "versioning": True,
        "eventbridge": True,
        "encryption": "AES256",
        "block_public_access": True,
        "object_ownership": "BucketOwnerEnforced",
        "abort_multipart_days": 7,
        "noncurrent_days": {"staging/": NONCURRENT_DAYS, "manifests/": NONCURRENT_DAYS},
        "policy": {"Version": "2012-10-17", "Statement": [tls_only("s3:*", [arn, f"{arn}/*"])]},
    }


def tls_only(action: str, resources: list[str]) -> dict[str, Any]:
    """Return the policy statement that denies plain HTTP."""
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resources,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
