"""The example's script is the shipped one, and its data are what its own script makes of the real sales."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.waiting import PATIENCE

from stagewright.cli.commands.author.script import SCRIPTS
from stagewright.errors import StagewrightError
from stagewright.local import environments

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
EXAMPLE = EXAMPLES / "house-price-watch"
SETS = ("baseline", "alike", "drifted")


def test_watch_script_equals_the_shipped_script():
    assert (EXAMPLE / "code" / "drift.py").read_bytes() == (SCRIPTS / "drift.py").read_bytes()


def test_watch_data_come_from_the_real_sales(tmp_path):
    for name in SETS:
        (tmp_path / "house-price-watch" / "data" / name).mkdir(parents=True)
    shutil.copytree(EXAMPLES / "house-price" / "data", tmp_path / "house-price" / "data")
    script = tmp_path / "house-price-watch" / "data" / "make.py"
    script.write_bytes((EXAMPLE / "data" / "make.py").read_bytes())
    subprocess.run([sys.executable, script], check=True, timeout=PATIENCE)
    for name in SETS:
        made = script.parent / name / "sales.csv"
        assert made.read_bytes() == (EXAMPLE / "data" / name / "sales.csv").read_bytes(), name


@pytest.mark.parametrize(("current", "drifted"), [("alike", 0), ("drifted", 12)])
def test_watch_readme_matches_the_data(tmp_path, current, drifted):
    try:
        python = environments.resolve("sklearn-1.4").python
    except StagewrightError as error:
        pytest.skip(f"no environment with scikit-learn: {error.message}")
    command = [python, EXAMPLE / "code" / "drift.py", f"--report={tmp_path}"]
    command += [f"--baseline={EXAMPLE / 'data' / 'baseline'}", f"--current={EXAMPLE / 'data' / current}"]
    command += ["--target=sale_price", "--ignore=year_sold,mo_sold"]
    subprocess.run(
        command, env={"PATH": os.environ["PATH"]}, check=True, capture_output=True, timeout=PATIENCE
    )
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["features"], metrics["drifted"]) == (27, drifted)
    readme = (EXAMPLE / "README.md").read_text()
    assert f"{drifted} of 27 features have drifted" in readme
