"""boto3 clients of the local server's endpoint."""

from __future__ import annotations

import boto3
from botocore.config import Config

from sagemaker_local.settings import Settings
from stagewright.aws.session import keyed


def session(settings: Settings) -> boto3.session.Session:
    return keyed(settings.access_key, settings.secret_key, settings.region)


def s3_config(connections: int) -> Config:
    return Config(
        max_pool_connections=connections,
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"total_max_attempts": 3, "mode": "standard"},
        connect_timeout=5,
        proxies={},
    )
