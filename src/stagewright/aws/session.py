"""A boto3 session with a key of its own, which nothing of the user's own AWS set-up reaches."""

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
"""botocore's variables: name in a file, in the environment, default, conversion. Looked up nowhere."""

LOADER = create_loader()
"""Shared, since it keeps the service models that it has read, which takes a tenth of a second."""


def keyed(access_key: str, secret_key: str, region: str) -> boto3.session.Session:
    """A profile that does not exist, named by AWS_PROFILE, would otherwise fail every client."""
    bare = botocore.session.Session(session_vars=NO_PROFILE)
    bare.register_component("data_loader", LOADER)
    return boto3.session.Session(
        botocore_session=bare,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
    )
