"""The environment variables of a job. They are those of its container; none are from the user's AWS
account."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from sagemaker_local import sdk_defaults, shell_variables
from sagemaker_local.settings import Settings

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def base_environment(settings: Settings, home: Path, programs: tuple[Path, ...]) -> dict[str, str]:
    """Variables for a process with this home folder, which is created, and these folders first in PATH.

    Installers find the user's package index. No password of the user's shell is passed on.
    """
    return {
        **shell_variables.for_jobs(),
        "PATH": os.pathsep.join([*map(str, programs), SYSTEM_PATH]),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "UTF-8",
        **account_variables(settings, home),
    }


def account_variables(settings: Settings, home: Path) -> dict[str, str]:
    """Variables that connect AWS SDKs to the local server, and close every way to another account."""
    folder = home / ".aws"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config", "credentials"):
        (folder / name).touch()
    return {
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": settings.url,
        "AWS_ACCESS_KEY_ID": settings.access_key,
        "AWS_SECRET_ACCESS_KEY": settings.secret_key,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        **service_endpoints(settings),
        **sdk_defaults.variables(home / ".config/sagemaker", settings.region),
    }


def service_endpoints(settings: Settings) -> dict[str, str]:
    """AWS SDK variables for this service, if it has its own address."""
    names = ("AWS_ENDPOINT_URL_SAGEMAKER", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME")
    return dict.fromkeys(names, settings.service_url) if settings.service_url else {}


def merge_requested(base: Mapping[str, str], requested: Mapping[str, str]) -> dict[str, str]:
    """Add the request's variables, except those of AWS."""
    return {**base, **{key: value for key, value in requested.items() if not is_aws_variable(key)}}


def is_aws_variable(key: str) -> bool:
    """Whether a variable can change the AWS account or endpoint: credentials, profile, configuration,
    region."""
    return key.startswith("AWS_")
