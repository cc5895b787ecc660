"""The service in this process, with S3 and CloudWatch Logs from ministack in another process."""

from __future__ import annotations

import io
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.support.emulator import serving
from tests.support.waiting import until

from sagemaker_local.api import protocol
from sagemaker_local.service import SageMaker
from sagemaker_local.settings import Settings

IMAGE = "own-image"
SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
ROLE = "arn:aws:iam::000000000000:role/stagewright-local-sagemaker"
BUCKET = "models"
ENDED = ("InService", "Failed")

ECHO = """
import json
def model_fn(folder):
    return "MARK"
def input_fn(body, content_type):
    return json.loads(body)
def predict_fn(data, model):
    return {"model": model, "data": data}
def output_fn(prediction, accept):
    return json.dumps(prediction), accept
"""


@dataclass
class World:
    """A service with its own folder, and what it published."""

    settings: Settings
    service: SageMaker
    aws: Callable[[str], Any]
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.service.call(operation, request)

    def restart(self) -> None:
        self.service.close()
        self.restart_closed()

    def restart_closed(self) -> None:
        self.service = SageMaker(self.settings, lambda kind, detail: self.events.append((kind, detail)))
        self.service.start()

    def put_model(self, name: str, files: dict[str, str], binary: dict[str, bytes] | None = None) -> str:
        """A model.tar.gz of these files; answers its URI."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for path, data in {
                **{path: text.encode() for path, text in files.items()},
                **(binary or {}),
            }.items():
                entry = tarfile.TarInfo(path)
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
        return self.put(name, buffer.getvalue())

    def put(self, name: str, data: bytes) -> str:
        key = f"{self.settings.root.parent.name}/{name}.tar.gz"
        self.aws("s3").put_object(Bucket=BUCKET, Key=key, Body=data)
        return f"s3://{BUCKET}/{key}"

    def create_model(
        self, name: str, script: str | None = None, mark: str = "", image: str = IMAGE, **env: str
    ) -> None:
        files = {"code/inference.py": (script or ECHO).replace("MARK", mark or name)}
        container = {"Image": image, "ModelDataUrl": self.put_model(name, files), "Environment": env}
        self.call("CreateModel", ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)

    def create_config(self, name: str, *models: str, **more: Any) -> None:
        variants = [
            {
                "VariantName": "AllTraffic" if len(models) == 1 else f"variant-{model}",
                "ModelName": model,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 2,
                **more,
            }
            for model in models
        ]
        self.call("CreateEndpointConfig", EndpointConfigName=name, ProductionVariants=variants)

    def deploy(self, name: str, script: str | None = None, **env: str) -> dict[str, Any]:
        """Model, configuration and endpoint of one name; answers the endpoint when it has come to rest."""
        self.create_model(name, script, **env)
        self.create_config(name, name)
        self.call("CreateEndpoint", EndpointName=name, EndpointConfigName=name)
        return self.settled(name)

    def settled(self, name: str) -> dict[str, Any]:
        until(lambda: self.call("DescribeEndpoint", EndpointName=name)["EndpointStatus"] in ENDED)
        return self.call("DescribeEndpoint", EndpointName=name)

    def told(self, kind: str, member: str, *expected: str) -> None:
        """Returns when exactly that has been published. An event follows the state that it tells of."""
        until(lambda: len(self._statuses(kind, member)) >= len(expected))
        assert self._statuses(kind, member) == list(expected)

    def _statuses(self, kind: str, member: str) -> list[str]:
        return [detail[member] for what, detail in self.events if what == f"SageMaker {kind} State Change"]

    def folder(self, endpoint: str) -> Path:
        return self.settings.root / "endpoints" / endpoint


@pytest.fixture(scope="session")
def aws_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("aws")) as url:
        yield url


@pytest.fixture(scope="session")
def aws(aws_url: str) -> Iterator[Callable[[str], Any]]:
    clients: dict[str, Any] = {}

    def of(service: str) -> Any:
        if service not in clients:
            clients[service] = boto3.client(
                service,
                endpoint_url=aws_url,
                region_name="us-east-1",
                aws_access_key_id="key",
                aws_secret_access_key="secret",
                config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
            )
        return clients[service]

    of("s3").create_bucket(Bucket=BUCKET)
    yield of
    for client in clients.values():
        client.close()


@pytest.fixture
def world(tmp_path: Path, aws_url: str, aws: Callable[[str], Any]) -> Iterator[World]:
    (tmp_path / "local.toml").write_text(
        f'[pythons]\n"{IMAGE}" = "{sys.executable}"\n"{SKLEARN}" = "{sys.executable}"\n'
    )
    settings = Settings(tmp_path / "sagemaker", aws_url, "key", "secret")
    events: list[tuple[str, dict[str, Any]]] = []
    service = SageMaker(settings, lambda kind, detail: events.append((kind, detail)))
    service.start()
    world = World(settings, service, aws, events)
    yield world
    world.service.close()


@pytest.fixture
def boto(world: World) -> Iterator[Callable[[str], Any]]:
    """boto3 clients of the service over HTTP."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"world": world}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    clients = []

    def of(service: str) -> Any:
        client = boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{server.server_address[1]}",
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}),
        )
        clients.append(client)
        return client

    yield of
    for client in clients:
        client.close()
    server.shutdown()
    server.server_close()
    thread.join()


class Handler(BaseHTTPRequestHandler):
    world: World
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, answered, content = protocol.handle(self.world.service, self.path, headers, body)
        self.send_response(status)
        for name, value in {**answered, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: object) -> None:  # type: ignore[override]
        pass
