"""boto3 sessions that use only the key they get, and nothing of the user's AWS configuration."""

from __future__ import annotations

import os
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import create_loader

from sagemaker_local.settings import Settings

NO_PROFILE: dict[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""botocore session variables as (config name, environment name, default, conversion). None is never read.

Without them, an AWS_PROFILE that names a missing profile fails every client.
"""

LOADER = create_loader()
"""One per process: it caches the service models, and reading one takes 0.1 seconds."""


def keyed(access_key: str, secret_key: str, region: str) -> boto3.session.Session:
    """A session with this key and region."""
    bare = botocore.session.Session(session_vars=NO_PROFILE)
    bare.register_component("data_loader", LOADER)
    return boto3.session.Session(
        botocore_session=bare,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
    )


def session(settings: Settings) -> boto3.session.Session:
    """A session with the key and region of the local service."""
    return keyed(settings.access_key, settings.secret_key, settings.region)


def s3_config(connections: int) -> Config:
    """Client configuration for a local S3 with a pool of this many connections."""
    return Config(
        max_pool_connections=connections,
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"total_max_attempts": 3, "mode": "standard"},
        connect_timeout=5,
        proxies={},
    )
