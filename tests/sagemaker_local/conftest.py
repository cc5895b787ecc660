"""Real S3 and CloudWatch Logs from ministack in a separate process, and services that use them."""

from __future__ import annotations

import json
import os
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.sagemaker_local.world import aws, aws_url, boto, world  # noqa: F401 -- fixtures
from tests.support.emulator import serving
from tests.support.waiting import until

from sagemaker_local.service import SageMaker
from sagemaker_local.settings import Program, Settings
from sagemaker_local.storage import Storage

IMAGE = "plain-python"
ROLE = "arn:aws:iam::000000000000:role/stagewright-local-sagemaker"
KEY, SECRET = "AKIALOCALLOCALLOCAL1", "local-secret"  # pragma: allowlist secret
BUCKET = "jobs"
CACHE = Program().variable("CACHE")


@pytest.fixture(scope="session", autouse=True)
def environments_are_built_once() -> Iterator[None]:
    """Share the cache of Python environments with Stagewright's tests: a build takes a minute."""
    with pytest.MonkeyPatch.context() as patch:
        if CACHE not in os.environ:
            patch.setenv(CACHE, str(Program("stagewright").cache_folder))
        yield


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a ministack."""
    with serving(tmp_path_factory.mktemp("ministack"), SERVICES="s3,logs") as url:
        yield url


@pytest.fixture(scope="session")
def s3(cloud: str) -> Iterator[Any]:
    client = client_of("s3", cloud)
    client.create_bucket(Bucket=BUCKET)
    with closing(client):
        yield client


@pytest.fixture
def storage(settings: Settings) -> Iterator[Storage]:
    opened = Storage(settings)
    yield opened
    opened.close()


@pytest.fixture
def logs_client(cloud: str) -> Iterator[Any]:
    with closing(client_of("logs", cloud)) as client:
        yield client


def client_of(service: str, url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
    )


@dataclass
class Bench:
    """A service with its events, and the few things that every test of jobs does."""

    service: SageMaker
    settings: Settings
    s3: Any
    prefix: str
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def uri(self, key: str) -> str:
        return f"s3://{BUCKET}/{self.prefix}/{key}"

    def put(self, key: str, body: bytes | str) -> str:
        data = body.encode() if isinstance(body, str) else body
        self.s3.put_object(Bucket=BUCKET, Key=f"{self.prefix}/{key}", Body=data)
        return self.uri(key)

    def get(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=BUCKET, Key=f"{self.prefix}/{key}")["Body"].read()

    def keys(self, under: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{self.prefix}/{under}").get("Contents", [])
        return [item["Key"].removeprefix(f"{self.prefix}/") for item in found]

    def archive(self, key: str) -> dict[str, bytes]:
        with tarfile.open(fileobj=BytesIO(self.get(key))) as tar:
            return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}

    def source(self, key: str, **files: str) -> str:
        """A source tarball; `train_py` is the file train.py."""
        buffer = BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for name, text in files.items():
                stem, _, suffix = name.rpartition("_")
                member = tarfile.TarInfo(f"{stem}.{suffix}")
                member.size = len(text.encode())
                tar.addfile(member, BytesIO(text.encode()))
        return self.put(key, buffer.getvalue())

    def process(self, name: str, script: str, **more: Any) -> dict[str, Any]:
        """Creates a processing job that runs a Python script. `more` overrides the request."""
        code = self.put(f"{name}/code/script.py", script)
        inputs = [self.s3_input("code", code, "/opt/ml/processing/input/code"), *more.pop("inputs", [])]
        request = {
            "ProcessingJobName": name,
            "RoleArn": ROLE,
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/script.py"],
            },
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 10}
            },
            "ProcessingInputs": inputs,
            **more,
        }
        return self.service.call("CreateProcessingJob", request)

    def train(
        self, name: str, script: str, files: dict[str, str] | None = None, **more: Any
    ) -> dict[str, Any]:
        """Creates a script-mode training job. `more` overrides the request."""
        submit = self.source(f"{name}/source.tar.gz", train_py=script, **(files or {}))
        own = {"sagemaker_program": json.dumps("train.py"), "sagemaker_submit_directory": json.dumps(submit)}
        request = {
            "TrainingJobName": name,
            "RoleArn": ROLE,
            "HyperParameters": {**own, **more.pop("hyperparameters", {})},
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                **more.pop("spec", {}),
            },
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 10},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            "OutputDataConfig": {"S3OutputPath": self.uri("models")},
            **more,
        }
        return self.service.call("CreateTrainingJob", request)

    def describe(self, name: str, noun: str) -> dict[str, Any]:
        return self.service.call(f"Describe{noun}Job", {f"{noun}JobName": name})

    def ended(self, name: str, noun: str = "Processing") -> dict[str, Any]:
        """The job once it has ended."""
        until(lambda: self.describe(name, noun)[f"{noun}JobStatus"] in ("Completed", "Failed", "Stopped"))
        return self.describe(name, noun)

    def log(self, name: str, noun: str = "processing") -> str:
        file = self.settings.root / "jobs" / noun / name / "log"
        return file.read_text() if file.exists() else ""

    @staticmethod
    def s3_input(name: str, uri: str, path: str, **more: str) -> dict[str, Any]:
        return {
            "InputName": name,
            "S3Input": {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", **more},
        }

    @staticmethod
    def s3_output(name: str, uri: str, path: str, mode: str = "EndOfJob") -> dict[str, Any]:
        return {"OutputName": name, "S3Output": {"S3Uri": uri, "LocalPath": path, "S3UploadMode": mode}}

    @staticmethod
    def channel(name: str, uri: str, data_type: str = "S3Prefix") -> dict[str, Any]:
        return {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": data_type, "S3Uri": uri}}}

    until = staticmethod(until)


@pytest.fixture
def settings(tmp_path: Path, cloud: str) -> Settings:
    """The image `plain-python` is the Python that runs the tests: no environment has to be built."""
    (tmp_path / "local.toml").write_text(f'[pythons]\n"{IMAGE}" = "{sys.executable}"\n')
    return Settings(tmp_path / "sagemaker", cloud, KEY, SECRET, stop_grace=1.0)


@pytest.fixture
def bench(settings: Settings, s3: Any, request: pytest.FixtureRequest) -> Iterator[Bench]:
    events: list[tuple[str, dict[str, Any]]] = []
    service = SageMaker(settings, lambda kind, detail: events.append((kind, detail)))
    service.start()
    yield Bench(service, settings, s3, request.node.name, events)
    service.close()
