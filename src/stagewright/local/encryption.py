"""What S3 does with an object that is to be encrypted by KMS, where the request names no key."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from stagewright.local.state import ACCOUNT, REGION

ALGORITHM = "x-amz-server-side-encryption"
KEY = f"{ALGORITHM}-aws-kms-key-id"
ACCOUNT_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/aws/s3"


def use_account_key(s3: ModuleType) -> None:
    """AWS takes the account's own key, aws/s3; ministack refuses. SageMaker's SDK uploads code like that."""
    resolve = s3._resolve_sse_write_headers

    def resolved(headers: dict[str, str], bucket: str) -> Any:
        if headers.get(ALGORITHM) == "aws:kms" and not headers.get(KEY):
            headers = {**headers, KEY: ACCOUNT_KEY}
        return resolve(headers, bucket)

    s3._resolve_sse_write_headers = resolved  # type: ignore[attr-defined]
