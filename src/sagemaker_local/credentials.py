"""Environment variables that connect a process to the local server and keep it from any real AWS account."""

from __future__ import annotations

from sagemaker_local import sdk_defaults
from sagemaker_local.state_folder import REGION, Server


def environment(server: Server, region: str = REGION) -> dict[str, str]:
    """Variables for a child process. Creates the empty file that they name."""
    empty = server.state / "empty"
    empty.touch()
    return {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": str(empty),
        "AWS_SHARED_CREDENTIALS_FILE": str(empty),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def for_user(server: Server, region: str = REGION) -> dict[str, str]:
    """`environment` for an interactive shell, with the defaults of the SageMaker SDK.

    SDKs fail if AWS_PROFILE names a missing profile, so it names one.
    """
    file = server.state / "profile"
    file.write_text("[default]\n")
    profile = {"AWS_CONFIG_FILE": str(file), "AWS_PROFILE": "default"}
    return {**environment(server, region), **profile, **sdk_defaults.variables(server.state, region)}
