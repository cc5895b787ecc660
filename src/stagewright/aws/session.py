"""A boto3 session with explicit credentials, independent of the user's AWS configuration."""

from __future__ import annotations

import os
from typing import Any

import boto3
import botocore.session
from botocore.loaders import create_loader

NO_PROFILE: dict[str, Any] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""Session variables of botocore: name in a file, environment variable, default, conversion."""

LOADER = create_loader()
"""The loader of service models. All sessions share it, because reading a model takes 0.1 s."""


def session_with_key(access_key: str, secret_key: str, region: str) -> boto3.session.Session:
    """Return a session that uses this key and reads no configuration file and no profile.

    Otherwise an AWS_PROFILE that does not exist would make every client fail.
    """
    bare = botocore.session.Session(session_vars=NO_PROFILE)
    bare.register_component("data_loader", LOADER)
    return boto3.session.Session(
        botocore_session=bare,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
    )
