"""The example's scripts, run as a job runs them but without any of ours around them."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
from tests.support.waiting import PATIENCE

from stagewright.cli.commands.author.demo import TRUE_PRICE
from stagewright.document.file import read_document
from stagewright.errors import StagewrightError
from stagewright.local import environments

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "house-price"
SALES = EXAMPLE / "data" / "ames_house_sales.csv"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def pipeline():
    return read_document(EXAMPLE / "pipeline.yaml")


@pytest.fixture(scope="module")
def python() -> Path:
    try:
        return environments.resolve("sklearn-1.4").python
    except StagewrightError as error:
        pytest.skip(f"no environment with scikit-learn: {error.message}")


class Job:
    """/opt/ml as a folder of its own: the scripts are copied with that path in them replaced."""

    def __init__(self, root: Path, python: Path) -> None:
        self.root, self.python = root, python

    def run(self, script: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        copy = self.root / script
        copy.write_text((EXAMPLE / "code" / script).read_text().replace("/opt/ml", str(self.root)))
        environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= {
            "SM_MODEL_DIR": str(self.root / "model"),
            "SM_CHANNEL_TRAIN": str(self.output("train")),
        }
        command = [str(self.python), str(copy), *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=check, timeout=PATIENCE
        )

    def input(self, name: str) -> Path:
        folder = self.root / "processing" / "input" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def output(self, name: str) -> Path:
        return self.root / "processing" / "output" / name


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Job:
    job = Job(tmp_path_factory.mktemp("ml"), python)
    (job.input("sales") / SALES.name).write_bytes(SALES.read_bytes())
    job.run("prepare.py")
    return job


@pytest.fixture(scope="module")
def trained(job: Job, pipeline) -> str:
    """What training printed; its model is in the folder `model`."""
    (job.root / "model").mkdir()
    given = pipeline.stages["train"].hyperparameters
    return job.run("train.py", *(f"--{name}={value}" for name, value in given.items())).stdout


@pytest.fixture(scope="module")
def evaluated(job: Job, trained: str) -> dict[str, float]:
    with tarfile.open(job.input("model") / "model.tar.gz", "w:gz") as archive:
        archive.add(job.root / "model", arcname=".")
    (job.input("test") / "sales.csv").write_bytes((job.output("test") / "sales.csv").read_bytes())
    job.run("evaluate.py")
    return json.loads((job.output("report") / "metrics.json").read_text())


def test_prepare_keeps_every_sale_and_holds_out_2010(job):
    train, test = (rows(job.output(name) / "sales.csv") for name in ("train", "test"))
    assert {row["year_sold"] for row in train} == {"2006", "2007", "2008", "2009"}
    assert {row["year_sold"] for row in test} == {"2010"}
    assert [*train, *test] == rows(SALES)


def test_prepare_rejects_a_year_without_sales(job):
    failed = job.run("prepare.py", "--test-year=2030", check=False)
    assert failed.returncode == 1
    assert "no sales for test" in failed.stderr
    job.run("prepare.py")


def test_model_is_fitted_with_the_document_hyperparameters(job, trained, pipeline):
    fitted = json.loads((job.root / "model" / "hyperparameters.json").read_text())
    asked = pipeline.stages["train"].hyperparameters
    assert len(asked) == 6
    assert {name: fitted[name.replace("-", "_")] for name in asked} == dict(asked)


def test_document_metrics_match_the_log(trained, pipeline):
    metrics = pipeline.stages["train"].metrics
    found = {name: float(re.search(regex, trained)[1]) for name, regex in metrics.items()}
    assert 10_000 < found["mae"] < 25_000
    assert 0.85 < found["r2"] < 0.95


def test_unknown_hyperparameter_fails_the_script(job):
    failed = job.run("train.py", "--n_estimators=500", check=False)
    assert failed.returncode == 2
    assert "unrecognized arguments: --n_estimators=500" in failed.stderr


def test_model_scores_well_on_unseen_sales(evaluated, pipeline):
    assert pipeline.parameters["min_r2"] == 0.88
    assert 0.88 <= evaluated["r2"] < 0.95
    assert evaluated["sales"] == 341
    assert evaluated["mae"] < 20_000


def serve(
    job: Job, body: str, content_type: str, accept: str = "application/json"
) -> subprocess.CompletedProcess[str]:
    script = f"import sys, train; model = train.model_fn({str(job.root / 'model')!r})\n"
    script += f"houses = train.input_fn(sys.stdin.read(), {content_type!r})\n"
    script += f"print(train.output_fn(train.predict_fn(houses, model), {accept!r})[0])"
    environment = {
        "PYTHONPATH": str(EXAMPLE / "code"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.environ["PATH"],
    }
    command = [str(job.python), "-c", script]
    return subprocess.run(
        command, input=body, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )


def test_json_and_csv_requests_give_equal_predictions(job, trained):
    house = json.loads((EXAMPLE / "house.json").read_text())
    line, header = ",".join(map(str, house.values())), ",".join(house)
    price = json.loads(serve(job, json.dumps(house), "application/json").stdout)["sale_price"]
    assert len(price) == 1
    assert abs(price[0] - TRUE_PRICE) < 0.15 * TRUE_PRICE
    two = json.loads(serve(job, json.dumps([house, house]), "application/json; charset=utf-8").stdout)
    assert two == {"sale_price": price * 2}
    assert float(serve(job, line, "text/csv", "text/csv").stdout) == price[0]
    assert json.loads(serve(job, f"{header}\n{line}\n", "text/csv").stdout)["sale_price"] == price


def test_missing_column_is_rejected_by_name(job, trained):
    house = json.loads((EXAMPLE / "house.json").read_text())
    del house["gr_liv_area"], house["latitude"]
    failed = serve(job, json.dumps(house), "application/json")
    assert failed.returncode == 1
    assert "the house has no gr_liv_area, latitude" in failed.stderr


def test_house_json_is_the_first_2010_sale_without_its_price():
    house = json.loads((EXAMPLE / "house.json").read_text())
    first = next(row for row in rows(SALES) if row["year_sold"] == "2010")
    assert int(first.pop("sale_price")) == TRUE_PRICE
    assert {name: str(value) for name, value in house.items()} == first


def test_short_csv_row_error_names_the_expected_columns(job, trained):
    house = json.loads((EXAMPLE / "house.json").read_text())
    line = ",".join(map(str, list(house.values())[1:]))
    failed = serve(job, line, "text/csv")
    assert f"ValueError: {len(house) - 1} columns, {len(house)} expected: " in failed.stderr
