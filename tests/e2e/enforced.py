"""A local server that enforces policies (`tests.e2e.enforcement`), used as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from tests.e2e.enforcement import JUDGED, ROLES
from tests.support.waiting import PATIENCE, until

from sagemaker_local import state_folder
from sagemaker_local.state_folder import REGION
from stagewright.document.load import load
from stagewright.local import server as local
from stagewright.local.state import INSTALLATION, State
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs.history.records import RunRecord
from stagewright.runs.history.run_history import find_run, show
from stagewright.runs.releases import push as release

ROOT = Path(__file__).parents[2]
IMAGE = "registry.example/own:1"
"""An image whose jobs run with this Python, so that no environment has to be built."""


@dataclass(frozen=True)
class Enforced:
    server: state_folder.Server
    gateway: OperatorGateway

    def client(self, service: str, role: str | None = None) -> Any:
        """As a role, or as whoever may do everything."""
        keys = json.loads((self.server.state / ROLES).read_text())
        key = keys[role] if role else (self.server.access_key, self.server.secret_key)
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        session = boto3.Session(*key, region_name=REGION)
        return session.client(service, endpoint_url=self.server.url, config=config)  # type: ignore[call-overload]

    def judged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.server.state / JUDGED).read_text().splitlines()]

    def push(self, document: Mapping[str, Any], files: Mapping[str, bytes]) -> str:
        """The trigger's key, empty where no run is asked for. Without triggers, a push starts one."""
        asking = {"triggers": [{"type": "code"}], **document}
        return release.push(self.gateway, load(asking), files).trigger_key or ""

    def run_of(self, key: str) -> str:
        return str(until(lambda: find_run(self.gateway, key)))

    def over(self, key: str) -> RunRecord:
        """The run of this trigger, once it has ended."""
        run = self.run_of(key)
        record: RunRecord = until(lambda: (found := show(self.gateway, run)).ended and found)
        return record

    def ended(self, key: str) -> RunRecord:
        """The same, and nothing may have been denied so far."""
        record = self.over(key)
        assert not (denied := self.denied()), (record.reason, denied)
        return record

    def denied(self) -> list[dict[str, Any]]:
        return [each for each in self.judged() if not each["allowed"]]

    def sweep(self) -> None:
        swept = self.client("lambda").invoke(
            FunctionName=INSTALLATION.name("sweeper"), Payload=b'{"detail": {"patience": 0}}'
        )
        assert "FunctionError" not in swept, swept["Payload"].read()

    @contextmanager
    def deaf(self, rule: str) -> Iterator[None]:
        """Events of this rule are lost for a while."""
        events, name = self.client("events"), INSTALLATION.name(rule)
        events.disable_rule(Name=name)
        yield
        events.enable_rule(Name=name)


@contextmanager
def serving(root: Path, **environment: str) -> Iterator[Enforced]:
    """For a block; `root` is its state directory, `environment` is added to the server's variables."""
    State(root).create()
    State(root).set_persistent(True)
    (root / "local.toml").write_text(
        f'[pythons]\n"{IMAGE}" = "{sys.executable}"\n"glue-pythonshell-3.9" = "{sys.executable}"\n'
    )
    with (root / "server.log").open("w") as log:
        command = [sys.executable, "-m", "tests.e2e.enforcement", "--state", str(root)]
        started = subprocess.Popen(
            command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True, env=os.environ | environment
        )
    try:
        until(lambda: local.find(root) or started.poll() is not None)
        server = local.find(root)
        assert server, (root / "server.log").read_text()[-2000:]
        gateway = OperatorGateway.connect(INSTALLATION, server.url, server.access_key, server.secret_key)
        yield Enforced(server, gateway)
    finally:
        local.down(root)
        started.wait(timeout=PATIENCE)
