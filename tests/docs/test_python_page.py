"""Every example of docs/python-api.md runs, with a small pipeline that has the names of house-price."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.command_line import FIT

PAGE = (Path(__file__).parents[2] / "docs" / "python-api.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.partition("## Reference")[0], flags=re.DOTALL)
CONFTEST = 'pytest_plugins = ["stagewright.testing"]\n'
PYTHONS = """
import pytest

@pytest.fixture(scope="session")
def sagemaker_pythons():
    return {{"sklearn-1.4": "{python}"}}
"""
DOCUMENT = """\
name: house-price
parameters: {min_r2: 0.5}
sample_data: {raw/houses/: metrics.json}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  train:
    kind: training
    entry_point: fit.py
    channels: {total: "s3://${bucket}/raw/houses/"}
    hyperparameters: {factor: 2, seconds: 0}
  evaluate:
    kind: processing
    code: evaluate.py
    inputs: {model: "${stages.train.model}"}
    outputs: [report]
    metrics_file: report/metrics.json
  quality: {kind: gate, require: "${stages.evaluate.metrics.r2} >= ${parameters.min_r2}"}
  deploy: {kind: endpoint, model: "${stages.train.model}", entry_point: fit.py, after: [quality]}
"""
EVALUATE = """\
import pathlib
folder = pathlib.Path("/opt/ml/processing/output/report")
folder.mkdir(parents=True, exist_ok=True)
(folder / "metrics.json").write_text('{"r2": 0.9}')
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with examples/house-price."""
    example = tmp_path / "examples/house-price"
    (example / "code").mkdir(parents=True)
    (example / "pipeline.yaml").write_text(DOCUMENT)
    (example / "metrics.json").write_text('{"total": 6}')
    (example / "house.json").write_text("3")
    (example / "code/fit.py").write_text(FIT)
    (example / "code/evaluate.py").write_text(EVALUATE)
    (tmp_path / "state").mkdir()
    (tmp_path / "state/local.toml").write_text(f'[pythons]\n"sklearn-1.4" = "{sys.executable}"\n')
    return tmp_path


def run(folder: Path, *arguments: str) -> str:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "STAGEWRIGHT_TARGET"))}
    environment = inherited | {"STAGEWRIGHT_STATE": str(folder / "state")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def is_test(block: str) -> bool:
    return "def test_" in block or "pytest_plugins" in block


@pytest.mark.slow
def test_examples_run_in_their_order(folder):
    lines = "\n".join(block for block in BLOCKS if not is_test(block)).splitlines()
    assert len(lines) > 15
    without_pandas = [line for line in lines if not line.endswith("# needs pandas")]
    printed = run(folder, "-c", "\n".join(without_pandas))
    assert printed.startswith("0.9 s3://")
    assert "evaluate run the run starts from here" in printed
    assert "report/metrics.json" in printed
    assert printed.rstrip().endswith("36.0")
    assert (folder / "out/model/model.json").is_file()


@pytest.mark.slow
def test_example_of_a_test_passes(folder):
    conftest, test = (block for block in BLOCKS if is_test(block))
    assert conftest == CONFTEST
    python = PYTHONS.format(python=sys.executable)
    (folder / "conftest.py").write_text(conftest + python)
    (folder / "test_model.py").write_text(test)
    assert "1 passed" in run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_model.py")
