"""boto3 clients of the local server's endpoint, which nothing of the user's own AWS set-up reaches."""

from __future__ import annotations

import os
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import create_loader

from stagewright.local.sagemaker.settings import Settings

NO_PROFILE: dict[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""botocore's variables: name in a file, in the environment, default, conversion. Looked up nowhere."""

LOADER = create_loader()
"""Shared, since it keeps the service models that it has read, which takes a tenth of a second."""


def session(settings: Settings) -> boto3.session.Session:
    """A profile that does not exist, named by AWS_PROFILE, would otherwise fail every client."""
    bare = botocore.session.Session(session_vars=NO_PROFILE)
    bare.register_component("data_loader", LOADER)
    return boto3.session.Session(
        botocore_session=bare,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        region_name=settings.region,
    )


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
