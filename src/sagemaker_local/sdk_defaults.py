"""Defaults for the SageMaker Python SDK, versions 2 and 3.

The SDK reads them from YAML files that variables name (sagemaker.readthedocs.io, "Configuring and using
defaults with the SageMaker Python SDK"). Without them, it asks STS at a fixed address on the Internet for the
account of the default bucket, and sends telemetry to a bucket of AWS.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sagemaker_local.state_folder import ACCOUNT, write_private

ROLE = f"arn:aws:iam::{ACCOUNT}:role/sagemaker-local"
"""For scripts that name no role. The local service records roles and assumes none."""


def default_bucket(region: str) -> str:
    """The bucket that the SDK would use in this account. The SDK creates it."""
    return f"sagemaker-{region}-{ACCOUNT}"


def variables(folder: Path, region: str) -> dict[str, str]:
    """Variables for the SDK. Writes the files that they name into `folder`, which is created.

    An administrator's file in the usual location is for a real account, so it is not read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    user, administrator = folder / "sagemaker-sdk.yaml", folder / "sagemaker-sdk-administrator.yaml"
    # JSON is YAML, and needs no library.
    write_private(user, json.dumps(_defaults(region), indent=2) + "\n", lasting=False)
    administrator.touch()
    return {
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(user),
        "SAGEMAKER_ADMIN_CONFIG_OVERRIDE": str(administrator),
        # Version 3 asks IAM whether the role may do all that a job on AWS could need.
        "SAGEMAKER_VALIDATE_ROLE": "false",
    }


def _defaults(region: str) -> dict[str, Any]:
    session = {"DefaultS3Bucket": default_bucket(region)}
    return {
        "SchemaVersion": "1.0",
        "SageMaker": {
            "PythonSDK": {"Modules": {"TelemetryOptOut": True, "Session": session}},
            "TrainingJob": {"RoleArn": ROLE},
            "ProcessingJob": {"RoleArn": ROLE},
            "Pipeline": {"RoleArn": ROLE},
            "Model": {"ExecutionRoleArn": ROLE},
        },
    }
