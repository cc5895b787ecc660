"""New pipelines run: a script that knows nothing of SageMaker, up to predictions, and the empty one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine

from stagewright.errors import StagewrightError
from stagewright.local import environments, server

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

PLAIN = """\
import pickle, sys
import pandas as pd
from sklearn.linear_model import LinearRegression
from columns import TARGET

data = pd.read_csv("inputs/data.csv")
model = LinearRegression().fit(data.drop(columns=TARGET), data[TARGET])
with open("models/line.pkl", "wb") as file:
    pickle.dump(model, file)
with open("report.txt", "w") as file:
    file.write(f"{len(data)} rows")
print(f"R2: {model.score(data.drop(columns=TARGET), data[TARGET])}")
sys.exit(0)
"""


@pytest.fixture
def command(tmp_path: Path) -> Iterator[CommandLine]:
    try:
        environments.resolve("sklearn-1.4")
    except StagewrightError as error:
        pytest.skip(f"no environment with scikit-learn: {error.message}")
    line = CommandLine(tmp_path)
    server.up(line.state)
    yield line
    server.down(line.state)


def test_plain_script_and_empty_pipeline_run(command: CommandLine) -> None:
    folder = command.folder
    for name in ("work/inputs", "work/models"):
        (folder / name).mkdir(parents=True)
    (folder / "work/train.py").write_text(PLAIN)
    (folder / "work/columns.py").write_text("TARGET = 'y'\n")
    (folder / "work/inputs/data.csv").write_text("x,z,y\n1,0,2\n2,1,4\n3,5,6\n4,2,8\n")
    assert command("new", "line", "--from", "work/train.py", "--serve").returncode == 0
    record = command.json("run", "line")
    assert record["status"] == "SUCCEEDED"
    stages = {stage["name"]: stage for stage in record["stages"]}
    assert stages["train"]["result"]["metrics"] == {"r2": pytest.approx(1)}
    answer = command.json("predict", "line", "--data", '[{"z": 1, "x": 10}]')
    assert answer["prediction"] == [pytest.approx(20)]
    logs = command("logs", "line", "train").stdout
    assert "model: models/line.pkl, report.txt" in logs

    assert command("new", "empty").returncode == 0
    empty = command.json("run", "empty")
    assert empty["status"] == "SUCCEEDED"
    assert json.dumps(empty["stages"][0]["result"]["metrics"]) == '{"mae": 0.0}'


def test_failure_of_a_plain_script_fails_the_run_with_its_own_last_line(command: CommandLine) -> None:
    (command.folder / "train.py").write_text("raise ValueError('too few rows')\n")
    assert command("new", "broken", "--from", "train.py").returncode == 0
    done = command("run", "broken")
    assert done.returncode == 6
    assert "ValueError: too few rows" in done.stdout + done.stderr
