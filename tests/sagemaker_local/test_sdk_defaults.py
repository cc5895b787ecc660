"""Variables and files for the SageMaker Python SDK."""

from __future__ import annotations

import json
from pathlib import Path

from sagemaker_local import credentials, sdk_defaults
from sagemaker_local.jobs.job_environment import account_variables
from sagemaker_local.settings import Settings
from sagemaker_local.state_folder import Server


def defaults(variables):
    return json.loads(Path(variables["SAGEMAKER_USER_CONFIG_OVERRIDE"]).read_text())["SageMaker"]


def modules(variables):
    return defaults(variables)["PythonSDK"]["Modules"]


def test_user_gets_the_default_bucket_without_telemetry(tmp_path):
    server = Server("http://127.0.0.1:1", "key", "secret", 1, tmp_path)
    variables = credentials.for_user(server, "eu-west-1")
    assert modules(variables)["Session"]["DefaultS3Bucket"] == "sagemaker-eu-west-1-000000000000"
    assert modules(variables)["TelemetryOptOut"] is True
    assert defaults(variables)["TrainingJob"]["RoleArn"] == sdk_defaults.ROLE
    assert variables["AWS_REGION"] == "eu-west-1"


def test_an_administrators_defaults_are_not_read(tmp_path):
    variables = sdk_defaults.variables(tmp_path, "us-east-1")
    assert Path(variables["SAGEMAKER_ADMIN_CONFIG_OVERRIDE"]).read_text() == ""


def test_a_job_has_defaults_of_its_own(tmp_path):
    settings = Settings(tmp_path, "http://127.0.0.1:1", "key", "secret", "eu-west-1")
    variables = account_variables(settings, tmp_path / "home")
    assert modules(variables)["Session"]["DefaultS3Bucket"] == "sagemaker-eu-west-1-000000000000"
    assert Path(variables["SAGEMAKER_USER_CONFIG_OVERRIDE"]).is_relative_to(tmp_path / "home")
