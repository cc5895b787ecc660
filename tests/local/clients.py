"""boto3 clients of a local server."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from sagemaker_local.state_folder import Server


def connect(server: Server, service: str) -> Any:
    # The retries of a client would hide a refusal behind seconds of waiting.
    return boto3.client(
        service,
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(retries={"total_max_attempts": 1}),
    )
