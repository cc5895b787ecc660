"""Who makes these calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from stagewright.aws.errors import translated


class STSClient(Protocol):
    """The one call that is used; boto3's stubs for STS are not among the development requirements."""

    def get_caller_identity(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Caller:
    client: STSClient

    def arn(self) -> str:
        """Of the user or the assumed role, session name included. It needs no permission (API reference of
        STS GetCallerIdentity)."""
        with translated("sts", "the caller"):
            return str(self.client.get_caller_identity()["Arn"])
