"""One local server for all end-to-end tests, with boto3 clients for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

import boto3
import pytest
from botocore.config import Config
from tests.support.documents import effective
from tests.support.waiting import until

from sagemaker_local import state_folder as local_server
from stagewright.document.pipeline import Pipeline
from stagewright.local import server as local_server_server
from stagewright.local.state import INSTALLATION
from stagewright.naming import timestamp
from stagewright.operator_gateway import OperatorGateway
from stagewright.planner.model import Plan, Trigger
from stagewright.runs.closing import close_if_ended
from stagewright.runs.history.records import RunRecord
from stagewright.runs.history.run_history import show
from stagewright.runs.plan_inputs.load import make_plan
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases import publish, push
from stagewright.runs.releases.bundles import ensure_bundles
from stagewright.runs.starting import start


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[local_server.Server]:
    state = tmp_path_factory.mktemp("state")
    yield local_server_server.up(state)
    local_server_server.down(state)


@pytest.fixture(scope="session")
def client(server: local_server.Server) -> Callable[[str], object]:
    def make(service: str) -> object:
        return boto3.client(
            service,
            endpoint_url=server.url,
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            region_name=INSTALLATION.region,
            config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    return make


class Runner:
    """Runs documents, each as it is given, with the code of one release: no event, no router."""

    def __init__(self, gateway: OperatorGateway, pipeline: Pipeline, files: Mapping[str, bytes]) -> None:
        self.gateway = gateway
        push.push(gateway, pipeline.model_copy(update={"triggers": ()}), files)
        manifest = manifests.read(gateway, pipeline.name)
        assert manifest
        self.release = publish.publish(gateway, manifest)
        self.count = 0

    def plan(self, pipeline: Pipeline, *, force: bool = False) -> Plan:
        """PlanError: why it would not run."""
        self.count += 1
        key = f"manual:{pipeline.name}-{self.count}"
        trigger = Trigger("manual", key, timestamp(datetime.now(UTC)), "test")
        return make_plan(self.gateway, effective(pipeline), trigger, self.release, 1, force=force)

    def run(self, pipeline: Pipeline, *, force: bool = False) -> RunRecord:
        """The record of its run, once that has ended."""
        plan = self.plan(pipeline, force=force)
        ensure_bundles(self.gateway, self.release, plan)
        started = start(self.gateway, plan)
        until(lambda: self._is_over(started.run))
        return show(self.gateway, started.run)

    def _is_over(self, run: str) -> bool:
        close_if_ended(self.gateway, run)
        header = self.gateway.runs.header(run)
        return header is not None and not header.is_open


@pytest.fixture(scope="session")
def runner(server: local_server.Server) -> Callable[[Pipeline, Mapping[str, bytes]], Runner]:
    gateway = OperatorGateway.connect(INSTALLATION, server.url, server.access_key, server.secret_key)
    return lambda pipeline, files: Runner(gateway, pipeline, files)
