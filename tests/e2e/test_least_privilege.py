"""The example's whole way with each role under its own policy, what the policies refuse, and what nobody used."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.e2e.enforcement import JUDGED, ROLES

from stagewright import specfile
from stagewright.local import server as local
from stagewright.local.artifacts import Artifacts
from stagewright.local.state import INSTALLATION, REGION, State
from stagewright.run import release
from stagewright.run.folder import scan
from stagewright.run.gateway import Gateway
from stagewright.run.history import find_run, show

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "house-price"
pytestmark = [pytest.mark.e2e]


@dataclass(frozen=True)
class Enforced:
    server: local.Server
    gateway: Gateway

    def client(self, service: str, role: str | None = None) -> Any:
        """As a role, or as whoever may do everything."""
        keys = json.loads((self.server.state / ROLES).read_text())
        key = keys[role] if role else (self.server.access_key, self.server.secret_key)
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        session = boto3.Session(*key, region_name=REGION)
        return session.client(service, endpoint_url=self.server.url, config=config)  # type: ignore[call-overload]

    def judged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.server.state / JUDGED).read_text().splitlines()]


@pytest.fixture(scope="module")
def enforced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enforced]:
    root = tmp_path_factory.mktemp("state")
    State(root).create()
    State(root).set_lasting(True)
    with (root / "server.log").open("w") as log:
        command = [sys.executable, "-m", "tests.e2e.enforcement", "--state", str(root)]
        started = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while (server := local.find(root)) is None:
            assert started.poll() is None, (root / "server.log").read_text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        gateway = Gateway.connect(INSTALLATION, server.url, server.access_key, server.secret_key)
        yield Enforced(server, gateway)
    finally:
        local.down(root)
        started.wait(timeout=30)


@pytest.fixture(scope="module")
def used(enforced: Enforced) -> list[dict[str, Any]]:
    """What was judged while the example was pushed and served, and the sweeper had looked."""
    sales = EXAMPLE / "data" / "ames_house_sales.csv"
    enforced.client("s3").upload_file(str(sales), INSTALLATION.bucket, f"raw/house-price/{sales.name}")
    pushed = release.push(
        enforced.gateway, specfile.read(EXAMPLE / "pipeline.yaml"), scan(EXAMPLE / "code")
    )
    run = _ended(enforced.gateway, pushed.trigger_key)
    assert run.status == "SUCCEEDED", (run.reason, [each for each in enforced.judged() if not each["allowed"]])
    assert {stage.status for stage in run.stages if stage.action == "run"} == {"SUCCEEDED"}
    swept = enforced.client("lambda").invoke(
        FunctionName=INSTALLATION.name("sweeper"),
        Payload=json.dumps({"detail-type": "Scheduled Event", "detail": {"patience": 0}}),
    )
    assert "FunctionError" not in swept, swept["Payload"].read()
    return enforced.judged()


def _ended(gateway: Gateway, key: str | None) -> Any:
    assert key
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        run = find_run(gateway, key)
        if run and (record := show(gateway, run)).ended:
            return record
        time.sleep(0.2)
    pytest.fail("the run did not end within 300 s")


def test_the_whole_way_needs_nothing_that_a_policy_does_not_allow(used: list[dict[str, Any]]) -> None:
    assert [each for each in used if not each["allowed"]] == []
    assert {each["role"] for each in used} == {"router", "recorder", "sweeper", "workflow", "sagemaker"}


UNUSED: dict[str, str] = {}


def test_every_permission_is_used_or_has_its_reason(used: list[dict[str, Any]]) -> None:
    seen = {f"{each['role']} {each['action']}" for each in used}
    roles = Artifacts.read(INSTALLATION).resources["roles"]
    allowed = {
        f"{what} {action}"
        for what, role in roles.items()
        for statement in role["policy"]["Statement"]
        for action in statement["Action"]
    }
    idle = sorted(allowed - seen)
    print(json.dumps(idle, indent=0))
    assert [each for each in idle if not any(fnmatchcase(each, pattern) for pattern in UNUSED)] == []
    assert [pattern for pattern in UNUSED if not any(fnmatchcase(each, pattern) for each in idle)] == []
