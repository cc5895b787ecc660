"""The examples together: house-price-watch detects drift and house-price trains again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.waiting import until

from stagewright.document.file import read_document
from stagewright.local import server as local
from stagewright.local.state import INSTALLATION
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs.history.records import RunRecord
from stagewright.runs.history.run_history import list_runs, show
from stagewright.runs.releases.code_folder import scan
from stagewright.runs.releases.push import push
from stagewright.runs.requests import request_run

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

EXAMPLES = Path(__file__).parents[2] / "examples"
SALES = "raw/house-price/ames_house_sales.csv"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorGateway]:
    state = tmp_path_factory.mktemp("state")
    server = local.up(state)
    yield OperatorGateway.connect(INSTALLATION, server.url, server.access_key, server.secret_key)
    local.down(state)


def pushed(gateway: OperatorGateway, name: str) -> None:
    folder = EXAMPLES / name
    pipeline = read_document(folder / "pipeline.yaml")
    for prefix, place in pipeline.sample_data.items():
        source = folder / place
        for file in [source] if source.is_file() else sorted(source.iterdir()):
            gateway.objects.put(f"{prefix}{file.name}", file.read_bytes())
    push(gateway, pipeline, scan(folder / pipeline.code))


def ended(gateway: OperatorGateway, pipeline: str, count: int) -> RunRecord:
    """The newest run, once there are that many and none is open."""

    def over() -> RunRecord | None:
        runs = list_runs(gateway, pipeline)
        return runs[0] if len(runs) == count and not any(run.is_open for run in runs) else None

    record: RunRecord = until(over)
    return show(gateway, record.run)


def watched(gateway: OperatorGateway, current: str, count: int) -> RunRecord:
    request_run(gateway, "house-price-watch", {"current": current}, "test")
    return ended(gateway, "house-price-watch", count)


def test_drift_retrains_once(gateway: OperatorGateway) -> None:
    pushed(gateway, "house-price")
    first = ended(gateway, "house-price", 1)
    assert first.status == "SUCCEEDED", first.reason
    pushed(gateway, "house-price-watch")

    calm = watched(gateway, "alike", 1)
    assert (calm.status, calm.stage("drifted").status) == ("SUCCEEDED", "CLOSED")
    sales = gateway.objects.get(SALES).body
    newest = b"".join(sales.splitlines(keepends=True)[-40:])
    gateway.objects.put(SALES, sales + newest)
    alarmed = watched(gateway, "drifted", 2)
    assert alarmed.stage("drifted").status == "SUCCEEDED"

    again = ended(gateway, "house-price", 2)
    assert (again.status, again.trigger.type, again.trigger.run) == ("SUCCEEDED", "upstream", alarmed.run)
    assert again.stage("train").status == "SUCCEEDED"
    assert (
        again.stage("prepare").reason
        == f"prepare: s3://{gateway.installation.bucket}/raw/house-price/ changed"
    )
    assert again.stage("train").result["model"] != first.stage("train").result["model"]

    watched(gateway, "drifted", 3)
    (dropped,) = until(lambda: gateway.trigger_state.skipped_events("house-price", 10))
    assert dropped.type == "upstream"
    assert "7d" in dropped.reason
    assert len(list_runs(gateway, "house-price")) == 2
