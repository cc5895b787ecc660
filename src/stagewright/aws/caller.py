"""The identity that makes the calls, from AWS Security Token Service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagewright.aws.errors import translate_errors

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient


@dataclass(frozen=True)
class Caller:
    """Reads the identity of the caller."""

    client: STSClient

    def arn(self) -> str:
        """Return the ARN of the user, or of the assumed role with its session name.

        Calls GetCallerIdentity, which needs no permission (STS API reference).
        """
        with translate_errors("sts", "the caller"):
            return self.client.get_caller_identity()["Arn"]
