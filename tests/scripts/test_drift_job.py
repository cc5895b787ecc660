"""drift.py in a pipeline: copied, pushed, run as a processing job, and read by a gate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine

from stagewright.local import server
from stagewright.local.state import INSTALLATION
from stagewright.operator_gateway import OperatorGateway

DATA = Path(__file__).parents[2] / "examples" / "house-price-watch" / "data"
DOCUMENT = """\
name: watch
parameters: {current: alike}
sample_data: {watch/: data}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
triggers: [{type: code}]
stages:
  watch:
    kind: processing
    code: drift.py
    arguments: [--target, sale_price, --ignore, "year_sold,mo_sold"]
    inputs:
      baseline: "s3://${bucket}/watch/baseline/"
      current: "s3://${bucket}/watch/${parameters.current}/"
    outputs: [report]
    metrics_file: report/metrics.json
  drifted:
    kind: gate
    require: "${stages.watch.metrics.drifted} >= 1"
"""

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def command(tmp_path_factory, python):
    folder = tmp_path_factory.mktemp("watch")
    (folder / "code").mkdir()
    (folder / "data").symlink_to(DATA)
    (folder / "pipeline.yaml").write_text(DOCUMENT)
    command = CommandLine(folder)
    server.up(command.state)
    assert command("script", "drift", "--to", "code").returncode == 0
    yield command
    server.down(command.state)


@pytest.mark.parametrize(("current", "status"), [("alike", "FAILED"), ("drifted", "SUCCEEDED")])
def test_run_continues_only_when_the_data_has_drifted(command, current, status):
    done = command("run", ".", "-p", f"current={current}")
    shown = command.json("show", command.json("runs", "watch")[0]["run"])
    assert shown["status"] == status, done.stderr
    assert (done.returncode == 0) == (current == "drifted")
    stages = {stage["name"]: stage for stage in shown["stages"]}
    assert stages["watch"]["status"] == "SUCCEEDED"
    metrics = stages["watch"]["result"]["metrics"]
    assert metrics["rows_baseline"] == 863
    assert metrics["rows_current"] == {"alike": 341, "drifted": 95}[current]
    assert metrics["drifted"] == {"alike": 0, "drifted": 12}[current]
    report = stages["watch"]["result"]["outputs"]["report"].removeprefix("s3://").partition("/")[2]
    objects = gateway(command).objects
    features = json.loads(objects.get(f"{report}/report.json").body)["features"]
    assert sum(feature["drifted"] for feature in features) == metrics["drifted"]
    assert objects.get(f"{report}/report.html").body.startswith(b"<!DOCTYPE html>")
    if current == "alike":
        assert "0 >= 1" in shown["reason"]


def gateway(command: CommandLine) -> OperatorGateway:
    running = server.find(command.state)
    return OperatorGateway.connect(INSTALLATION, running.url, running.access_key, running.secret_key)
