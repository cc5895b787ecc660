"""A pipeline that runs for each item of a list: 20 regions, one of which fails."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.places import Place

from stagewright.local import server

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

REGIONS = [f"region-{number:02}" for number in range(1, 21)]
DOCUMENT = f"""\
name: prices
parameters: {{least: 0.5}}
defaults: {{image: sklearn-1.4, instance_type: ml.m5.large}}
max_concurrency: 8
lists:
  regions: {{items: {REGIONS}, max_concurrency: 6}}
stages:
  train:
    kind: training
    for_each: regions
    entry_point: train.py
    hyperparameters: {{region: "${{each.name}}"}}
    metrics: {{score: 'score=([0-9.]+)'}}
  good: {{kind: gate, for_each: regions, require: "${{stages.train.metrics.score}} >= ${{parameters.least}}"}}
  register:
    kind: register
    for_each: regions
    after: [good]
    model: "${{stages.train.model}}"
    approval: approved
  summary:
    kind: processing
    code: summary.py
    inputs: {{models: "${{stages.train.all.model}}"}}
    outputs: [table]
    after: [register]
"""
TRAIN = """\
import os, pathlib, sys
region = sys.argv[sys.argv.index("--region") + 1]
if region == "region-07" and pathlib.Path("FLAG").exists():
    raise ValueError("no sales in region-07")
pathlib.Path(os.environ["SM_MODEL_DIR"], "model").write_text(region)
print("score=0.9")
"""
SUMMARY = """\
import json, pathlib
root = pathlib.Path("/opt/ml/processing/input/models")
regions = sorted(path.relative_to(root).parts[0] for path in root.glob("*/**/model.tar.gz"))
pathlib.Path("/opt/ml/processing/output/table/regions.json").write_text(json.dumps(regions))
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    train = TRAIN.replace("FLAG", str(tmp_path / "place" / "down"))
    files = {"code/train.py": train, "code/summary.py": SUMMARY, "down": ""}
    made = Place(tmp_path / "place", DOCUMENT, files)
    made.up()
    yield made
    server.down(made.state)


def statuses(record: dict[str, object], stage: str) -> Counter[str]:
    stages: list[dict[str, str]] = record["stages"]  # type: ignore[assignment]
    return Counter(item["status"] for item in stages if item["name"].partition("/")[0] == stage)


def registered(place: Place) -> set[str]:
    """The groups with a version."""
    gateway = place.gateway()
    client = gateway.session.client("sagemaker", endpoint_url=gateway.endpoint_url)
    pages = client.get_paginator("list_model_package_groups").paginate()
    return {
        group["ModelPackageGroupName"] for page in pages for group in page["ModelPackageGroupSummaryList"]
    }


def test_one_of_20_regions_fails_and_resume_runs_only_that_one(place: Place) -> None:
    failed = place("run", ".", code=6)
    (first,) = [run["run"] for run in place.json("runs", "prices")]
    record = place.json("show", first)
    assert record["status"] == "FAILED"
    assert record["reason"].startswith("train/region-07: ")
    assert statuses(record, "train") == {"SUCCEEDED": 19, "FAILED": 1}
    assert statuses(record, "good") == statuses(record, "register") == {"SUCCEEDED": 19, "NOT_RUN": 1}
    assert statuses(record, "summary") == {"NOT_RUN": 1}
    groups = {f"prices-{region}" for region in REGIONS}
    assert registered(place) == groups - {"prices-region-07"}
    assert "no sales in region-07" in failed.stderr
    assert "train  19 SUCCEEDED, 1 FAILED" in failed.stderr.splitlines()
    shown = place("show", first).stdout
    assert "train/region-07" in shown
    assert "train/region-08" not in shown
    assert "no sales in region-07" in place("logs", first, "train").stdout

    (place.folder / "down").unlink()
    planned = place.json("resume", first, "--plan")
    running = [stage["name"] for stage in planned["stages"] if stage["action"] == "run"]
    assert running == ["train/region-07", "good/region-07", "register/region-07", "summary"]
    place("resume", first)
    later = next(run["run"] for run in place.json("runs", "prices") if run["run"] != first)
    record = place.json("show", later)
    assert statuses(record, "train") == {"REUSED": 19, "SUCCEEDED": 1}
    assert registered(place) == groups
    table = place.gateway().objects.get(f"runs/prices/{later}/summary/table/regions.json")
    assert json.loads(table.body) == REGIONS
