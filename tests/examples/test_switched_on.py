"""The example with its other stages on: a model is searched for, and the houses of 2010 are predicted."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.support import commands

from stagewright.local import server as local
from stagewright.local.state import INSTALLATION
from stagewright.operator_gateway import OperatorGateway

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

EXAMPLE = Path(__file__).parents[2] / "examples" / "house-price"
CHANGES = (
    ("    enabled: false\n", ""),
    ("${stages.train.model}", "${stages.tune.model}"),
    ("  train:\n    kind: training\n", "  train:\n    kind: training\n    enabled: false\n"),
    ("    kind: endpoint\n", "    kind: endpoint\n    enabled: false\n"),
    ("max_jobs: 10", "max_jobs: 2"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example") / "house-price"
    shutil.copytree(EXAMPLE, folder)
    text = (folder / "pipeline.yaml").read_text()
    for old, new in CHANGES:
        assert old in text
        text = text.replace(old, new)
    (folder / "pipeline.yaml").write_text(text)
    return folder


def command(folder: Path, *arguments: str) -> Any:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = inherited | {"STAGEWRIGHT_STATE": str(folder / "state")}
    done = commands.stagewright([*arguments, "--json"], folder, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_tuned_model_passes_the_gate_and_scores_every_house(folder: Path) -> None:
    server = local.up(folder / "state")
    try:
        record = command(folder, "run", ".", "-p", "min_r2=0.7")
        gateway = OperatorGateway.connect(INSTALLATION, server.url, server.access_key, server.secret_key)
        stages = {stage["name"]: stage for stage in record["stages"]}
        predictions = stages["score"]["result"]["outputs"]["predictions"]
        key = predictions.removeprefix(f"s3://{INSTALLATION.bucket}/") + "/houses.csv.out"
        houses = list(csv.reader(io.StringIO(gateway.objects.get(key).body.decode())))
    finally:
        local.down(folder / "state")
    assert {name for name, stage in stages.items() if stage["status"] == "SUCCEEDED"} == {
        "prepare",
        "tune",
        "evaluate",
        "quality",
        "register",
        "score",
    }
    tuned = stages["tune"]["result"]
    assert set(tuned["tuned"]) == {"n-estimators", "learning-rate", "max-depth", "subsample"}
    assert 10_000 < tuned["metrics"]["mae"] < 60_000
    assert stages["evaluate"]["metrics"]["r2"] >= 0.7
    assert len(houses) == 341
    with (EXAMPLE / "data" / "ames_house_sales.csv").open(newline="") as file:
        sold = [row for row in csv.DictReader(file) if row["year_sold"] == "2010"]
    assert [house[:-1] for house in houses] == [
        [value for name, value in row.items() if name != "sale_price"] for row in sold
    ]
    wrong = [abs(float(h[-1]) - float(row["sale_price"])) for h, row in zip(houses, sold, strict=True)]
    assert sum(wrong) / len(wrong) == pytest.approx(stages["evaluate"]["metrics"]["mae"], rel=0.001)
