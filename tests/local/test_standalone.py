"""The SageMaker service as a separate process, with the S3 of a local server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from tests.support.processes import command_lines
from tests.support.waiting import PATIENCE, until

from sagemaker_local.state_folder import Server

pytestmark = pytest.mark.slow

IMAGE = "plain-python"
SCRIPT = """
import boto3, os
from pathlib import Path
jobs = boto3.client("sagemaker").list_processing_jobs()["ProcessingJobSummaries"]
names = [job["ProcessingJobName"] for job in jobs]
Path("/opt/ml/processing/output/seen.txt").write_text(f"{os.environ['AWS_REGION']} {names}")
"""
WAIT = {"Delay": 1, "MaxAttempts": int(PATIENCE)}

Started = tuple[subprocess.Popen[str], dict[str, Any]]


@pytest.fixture
def own_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**kept, "AWS_PROFILE": "somebody-s-own", "AWS_ACCESS_KEY_ID": "real"}


def command(*arguments: str) -> list[str]:
    main = "from stagewright.cli.main import main; main()"
    return [sys.executable, "-c", main, "sagemaker", *arguments]


@pytest.fixture
def serve(tmp_path: Path, server: Server, own_environment: dict[str, str]) -> Any:
    """`with serve(...) as (process, said)`: the command, ready."""
    state = tmp_path / "alone"
    state.mkdir()
    (state / "local.toml").write_text(f'[pythons]\n"{IMAGE}" = "{sys.executable}"\n')

    @contextmanager
    def started(*arguments: str) -> Iterator[Started]:
        options = ["--endpoint-url", server.url, "--state", str(state), "--json", *arguments]
        own = {"STAGEWRIGHT_ACCESS_KEY": server.access_key, "STAGEWRIGHT_SECRET_KEY": server.secret_key}
        process = subprocess.Popen(
            command(*options), env=own_environment | own, stdout=subprocess.PIPE, text=True
        )
        try:
            yield process, json.loads(_document(process))
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()

    return started


def _document(process: subprocess.Popen[str]) -> str:
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line == "}\n":
            break
    return "".join(lines)


@pytest.fixture
def connect() -> Iterator[Callable[[dict[str, Any], str], Any]]:
    """A client made from nothing but the printed environment, as a shell's would be."""
    with ExitStack() as clients, pytest.MonkeyPatch.context() as patch:

        def made(said: dict[str, Any], service: str) -> Any:
            for name in [name for name in os.environ if name.startswith("AWS_")]:
                patch.delenv(name)
            for name, value in said["environment"].items():
                patch.setenv(name, value)
            return clients.enter_context(closing(boto3.session.Session().client(service)))

        yield made


def job(name: str, script: str, code: str, output: str) -> dict[str, Any]:
    place = "/opt/ml/processing"
    return {
        "ProcessingJobName": name,
        "RoleArn": "arn:aws:iam::000000000000:role/any",
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", f"{place}/code/{script}"],
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
        "ProcessingInputs": [
            {
                "InputName": "code",
                "S3Input": {"S3Uri": code, "LocalPath": f"{place}/code", "S3DataType": "S3Prefix"},
            }
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "out",
                    "S3Output": {
                        "S3Uri": output,
                        "LocalPath": f"{place}/output",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
    }


def put(s3: Any, bucket: str, script: str, **where: Any) -> None:
    s3.create_bucket(Bucket=bucket, **where)
    s3.put_object(Bucket=bucket, Key="code/script.py", Body=script.encode())


def test_job_reaches_both_an_external_s3_and_the_service(serve, connect):
    with serve("--region", "eu-west-1") as (_, said):
        s3, sagemaker = connect(said, "s3"), connect(said, "sagemaker")
        put(s3, "both", SCRIPT, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        made = sagemaker.create_processing_job(**job("mine", "script.py", "s3://both/code/", "s3://both/out"))
        sagemaker.get_waiter("processing_job_completed_or_stopped").wait(
            ProcessingJobName="mine", WaiterConfig=WAIT
        )
        assert made["ProcessingJobArn"].startswith("arn:aws:sagemaker:eu-west-1:")
        seen = s3.get_object(Bucket="both", Key="out/seen.txt")["Body"].read().decode()
    assert seen == "eu-west-1 ['mine']"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_service_and_its_jobs(serve, connect, tmp_path, number):
    marker = f"sleeper-{os.getpid()}-{number}"
    with serve() as (process, said):
        s3, sagemaker = connect(said, "s3"), connect(said, "sagemaker")
        put(s3, marker, f"import time\nprint('up', flush=True)\ntime.sleep(600)  # {marker}\n")
        request = job(marker, "script.py", f"s3://{marker}/code/", f"s3://{marker}/out")
        request["AppSpecification"]["ContainerArguments"] = [marker]
        sagemaker.create_processing_job(**request)
        log = Path(said["state"]) / f"sagemaker/jobs/processing/{marker}/log"
        until(lambda: process.poll() is not None or (log.exists() and "up" in log.read_text()))
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
    assert not [line for line in command_lines().values() if f"script.py {marker}" in line]

    with serve() as (_, said):
        described = connect(said, "sagemaker").describe_processing_job(ProcessingJobName=marker)
        assert described["ProcessingJobStatus"] == "Failed"
        assert "the local server stopped" in described["FailureReason"]


def test_gateway_rejects_other_services_keys_hosts_and_origins(serve, connect, server):
    with serve() as (_, said):
        with pytest.raises(ClientError, match="SageMaker alone; other services are at") as elsewhere:
            connect(
                {"environment": {**said["environment"], "AWS_ENDPOINT_URL_S3": said["url"]}}, "s3"
            ).list_buckets()
        assert elsewhere.value.response["Error"]["Code"] == "UnknownOperationException"
        stranger = {**said["environment"], "AWS_ACCESS_KEY_ID": "STRANGER"}
        with pytest.raises(ClientError, match="printed when the service started") as refused:
            connect({"environment": stranger}, "sagemaker").list_models()
        assert refused.value.response["Error"]["Code"] == "UnrecognizedClientException"
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            with pytest.raises(urllib.error.HTTPError) as answer:
                urllib.request.urlopen(urllib.request.Request(said["url"], headers=headers))
            assert answer.value.code == 403
            answer.value.close()


def test_unsupported_operation_names_the_documentation_page(serve, connect):
    with serve() as (_, said):
        sagemaker, runtime = connect(said, "sagemaker"), connect(said, "sagemaker-runtime")
        for call in (
            lambda: sagemaker.list_notebook_instances(),
            lambda: sagemaker.describe_cluster(ClusterName="any"),
            lambda: runtime.invoke_endpoint_async(EndpointName="any", InputLocation="s3://bucket/key"),
        ):
            with pytest.raises(ClientError, match=r"docs/sagemaker\.md") as refused:
                call()
            assert refused.value.response["Error"]["Code"] == "UnknownOperationException"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 4, "--endpoint-url"),
        (("--endpoint-url", "http://127.0.0.1:1"), 4, "No S3 answers at http://127.0.0.1:1"),
        (("--endpoint-url", "moto"), 4, "'moto' is not a URL"),
        (("--endpoint-url", "http://127.0.0.1:1", "--access-key", "A"), 2, "--secret-key"),
    ],
)
def test_missing_or_unusable_option_is_reported(tmp_path, own_environment, arguments, code, said):
    done = subprocess.run(
        command("--state", str(tmp_path / "alone"), *arguments),
        env=own_environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_corrupt_store_is_an_error_with_its_path(tmp_path, server, own_environment):
    store = tmp_path / "alone/sagemaker/sagemaker.sqlite"
    store.parent.mkdir(parents=True)
    store.write_text("not a database, and long enough to be taken for one" * 20)
    done = subprocess.run(
        command("--endpoint-url", server.url, "--state", str(tmp_path / "alone")),
        env=own_environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 4
    assert f"{store} is damaged" in done.stderr


def test_second_service_on_the_same_state_is_rejected(serve, server, own_environment):
    with serve() as (_, said):
        done = subprocess.run(
            command("--endpoint-url", server.url, "--state", said["state"]),
            env=own_environment,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 4
    assert "--state" in done.stderr
