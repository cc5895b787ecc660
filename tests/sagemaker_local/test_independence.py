"""The local SageMaker imports and runs without Stagewright and its other dependencies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
from tests.support.waiting import PATIENCE

BLOCKED = ("stagewright", "aws_lambda_powertools", "ministack", "pydantic", "rich", "typer", "yaml")
BLOCKER = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"{{name}} is blocked", name=name)

sys.meta_path.insert(0, Blocker())
"""
IMPORT_ALL = """
import importlib, pkgutil
import sagemaker_local

CHILDREN = ("sagemaker_local.model_servers.serve.", "sagemaker_local.toolkit")  # run as files
names = [module.name for module in pkgutil.walk_packages(sagemaker_local.__path__, "sagemaker_local.")]
for name in names:
    if not name.startswith(CHILDREN):
        importlib.import_module(name)
assert not [name for name in sys.modules if name.partition(".")[0] == "stagewright"]
print(len(names))
"""
SERVE = "from sagemaker_local.cli import main; main()"
CONFTEST = """
import sys, pytest
pytest_plugins = ["sagemaker_local.pytest_plugin"]

@pytest.fixture(scope="session")
def sagemaker_endpoint_url():
    return "{url}"

@pytest.fixture(scope="session")
def sagemaker_pythons():
    return {{"plain-python": sys.executable}}
"""
TEST = """
def test_job_runs(sagemaker_local):
    sagemaker = sagemaker_local.client("sagemaker")
    sagemaker.create_processing_job(**{request!r})
    sagemaker.get_waiter("processing_job_completed_or_stopped").wait(
        ProcessingJobName="in-pytest", WaiterConfig={{"Delay": 1, "MaxAttempts": 300}}
    )
    job = sagemaker.describe_processing_job(ProcessingJobName="in-pytest")
    assert job["ProcessingJobStatus"] == "Completed", job
"""
IMAGE = "plain-python"


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}


def run(code: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BLOCKER + code, *arguments]
    return subprocess.run(
        command, env=clean_environment(), capture_output=True, text=True, check=False, **options
    )


def job(name: str) -> dict[str, Any]:
    """A processing job that prints its Python version."""
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    return {
        "ProcessingJobName": name,
        "RoleArn": "arn:aws:iam::000000000000:role/any",
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", "-c", "print('ran')"]},
        "ProcessingResources": {"ClusterConfig": cluster},
    }


def test_every_module_imports_without_stagewright() -> None:
    done = run(IMPORT_ALL)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 90


def test_help_needs_no_stagewright() -> None:
    done = run(SERVE, "--help")
    assert done.returncode == 0, done.stderr
    assert "usage: sagemaker-local" in done.stdout


def test_missing_endpoint_is_an_error_with_a_remedy() -> None:
    done = run(SERVE)
    assert done.returncode == 4
    assert "--endpoint-url" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_command_runs_a_job_and_exits_on_sigterm(cloud: str, tmp_path: Path) -> None:
    (tmp_path / "local.toml").write_text(f'[pythons]\n"{IMAGE}" = "{sys.executable}"\n')
    options = ["--endpoint-url", cloud, "--state", str(tmp_path), "--json"]
    command = [sys.executable, "-c", BLOCKER + SERVE, *options]
    with subprocess.Popen(command, env=clean_environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = iter(process.stdout.readline, "}\n")
            printed = json.loads("".join(lines) + "}")
            environment = printed["environment"]
            with closing(
                boto3.client(
                    "sagemaker",
                    endpoint_url=printed["url"],
                    region_name="us-east-1",
                    aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
                )
            ) as sagemaker:
                sagemaker.create_processing_job(**job("by-command"))
                sagemaker.get_waiter("processing_job_completed_or_stopped").wait(
                    ProcessingJobName="by-command", WaiterConfig={"Delay": 1, "MaxAttempts": int(PATIENCE)}
                )
                ended = sagemaker.describe_processing_job(ProcessingJobName="by-command")
            assert ended["ProcessingJobStatus"] == "Completed"
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


def test_fixtures_run_a_job(cloud: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.format(url=cloud))
    (tmp_path / "test_mine.py").write_text(TEST.format(request=job("in-pytest")))
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    pytest_main = "import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    done = run(pytest_main, "-p", "no:cacheprovider", "--basetemp", str(tmp_path / "temporary"), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_fixtures_report_a_missing_endpoint_fixture(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["sagemaker_local.pytest_plugin"]\n')
    (tmp_path / "test_mine.py").write_text("def test_any(sagemaker_local):\n    pass\n")
    pytest_main = "import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    done = run(pytest_main, "-p", "no:cacheprovider", cwd=tmp_path)
    assert done.returncode == 1
    assert "define the fixture sagemaker_endpoint_url" in done.stdout
