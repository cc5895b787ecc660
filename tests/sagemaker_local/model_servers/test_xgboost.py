"""Serving as AWS's XGBoost container does, in its own environment."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.support.model_server import Start

from sagemaker_local.images.environments import Environments
from sagemaker_local.images.stand_ins import stand_ins

pytestmark = pytest.mark.slow

TRAIN = """
import json, sys, numpy, pickle, xgboost
folder, objective, form = sys.argv[1:]
rows = numpy.random.default_rng(0).normal(size=(200, 3))
label = rows.sum(axis=1) if objective.startswith("reg") else (rows.sum(axis=1) > 0).astype(int)
booster = xgboost.train({"max_depth": 2, "objective": objective}, xgboost.DMatrix(rows, label=label), 5)
if form == "pickle":
    pickle.dump(booster, open(folder + "/xgboost-model", "wb"))
else:
    booster.save_model(folder + "/model.json")
asked = numpy.array([[1.0, 2.0, 3.0], [-1.0, numpy.nan, 0.5]])
print(json.dumps(booster.predict(xgboost.DMatrix(asked)).tolist()))
"""
MODEL_FN = """
import os, xgboost
def model_fn(folder):
    booster = xgboost.Booster()
    booster.load_model(os.path.join(folder, "model.json"))
    return booster
"""
CSV = "1.0,2.0,3.0\n-1.0,,0.5"
LIBSVM = "0 0:1.0 1:2.0 2:3.0\n0 0:-1.0 2:0.5"


@pytest.fixture(scope="module", params=["xgboost-1.7", "xgboost-3.0"])
def python(request: pytest.FixtureRequest) -> Path:
    return Environments().resolve(request.param).python


def trained(
    python: Path, folder: Path, objective: str = "reg:squarederror", form: str = "json"
) -> list[float]:
    """The predictions of the two rows of CSV."""
    (folder / "model").mkdir(exist_ok=True)
    command = [python, "-c", TRAIN, folder / "model", objective, form]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    predictions: list[float] = json.loads(done.stdout)
    return predictions


def numbers(text: str) -> list[float]:
    return [float(line) for line in text.replace(",", "\n").split()]


def test_script_with_only_model_fn_has_the_containers_functions(
    start: Start, python: Path, tmp_path: Path
) -> None:
    expected = trained(python, tmp_path)
    server = start(MODEL_FN, "xgboost", "serve.py", python)
    answer = server.post(CSV, Content_Type="text/csv", Accept="text/csv")
    assert answer[:2] == (200, "text/csv; charset=utf-8")
    assert numbers(answer[2]) == pytest.approx(expected, rel=1e-5)
    assert json.loads(server.post(CSV, Content_Type="text/csv")[2]) == pytest.approx(expected, rel=1e-5)
    assert len(json.loads(server.post(LIBSVM, Content_Type="text/libsvm")[2])) == 2
    assert server.post("{}", Content_Type="application/json")[0] == 415


def test_script_with_all_functions_is_served(start: Start, python: Path, tmp_path: Path) -> None:
    trained(python, tmp_path)
    whole = MODEL_FN + (
        "from sagemaker_xgboost_container import encoder\n"
        "def input_fn(body, content_type): return encoder.decode(body, content_type)\n"
        "def predict_fn(data, model): return model.predict(data, output_margin=True)\n"
        "def output_fn(prediction, accept): return ' '.join(map(str, prediction)), 'text/plain'\n"
    )
    answer = start(whole, "xgboost", "serve.py", python).post(CSV, Content_Type="text/csv")
    assert (answer[0], answer[1], len(answer[2].split())) == (200, "text/plain; charset=utf-8", 2)


@pytest.mark.parametrize("form", ["json", "pickle"])
def test_without_a_script_the_boosters_are_served(
    start: Start, python: Path, tmp_path: Path, form: str
) -> None:
    expected = trained(python, tmp_path, form=form)
    server = algorithm(start, python)
    assert numbers(server.post(CSV, Content_Type="text/csv")[2]) == pytest.approx(expected, rel=1e-5)
    answer = server.post(LIBSVM, Content_Type="text/x-libsvm", Accept="application/json")
    scores = [entry["score"] for entry in json.loads(answer[2])["predictions"]]
    assert (answer[1], scores) == ("application/json", pytest.approx(expected, rel=1e-5))
    assert server.post("", Content_Type="text/csv")[0] == 204
    assert server.post("1", Content_Type="a/b")[0] == 415
    assert server.post(CSV, Content_Type="text/csv", Accept="a/b")[0] == 406


def test_selected_parts_of_a_classification(start: Start, python: Path, tmp_path: Path) -> None:
    expected = trained(python, tmp_path, "binary:logistic")
    selected = "predicted_label, probability"
    server = algorithm(start, python, SAGEMAKER_INFERENCE_OUTPUT=selected)
    answer = server.post(CSV, Content_Type="text/csv", Accept="application/json")
    (first, second) = json.loads(answer[2])["predictions"]
    assert [first["probability"], second["probability"]] == pytest.approx(expected, rel=1e-5)
    assert [first["predicted_label"], second["predicted_label"]] == [int(p > 0.5) for p in expected]


def test_a_model_that_is_none_ends_the_server(start: Start, python: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/notes.txt").write_text("no model")
    server = algorithm(start, python)
    assert server.process.wait(60) == 1
    assert "cannot be loaded" in server.log.read_text()


def algorithm(start: Start, python: Path, **variables: str) -> Any:
    return start({}, "xgboost", "", python, **variables)


READ = """
import json, sys
from sagemaker_xgboost_container.data_utils import get_content_type, get_dmatrix, get_size
from sagemaker_xgboost_container.distributed import rabit_run
folder, kind, weights = sys.argv[1:]
matrix = get_dmatrix(folder, get_content_type(kind), csv_weights=int(weights))
if matrix is None: print("null"); sys.exit()
seen = []
rabit_run(lambda is_master: seen.append(is_master), {}, True, ["algo-1"], "algo-1", update_rabit_args=True)
print(json.dumps([matrix.num_row(), matrix.num_col(), matrix.get_label().tolist(),
                  matrix.get_weight().tolist(), seen, get_size(folder)]))
"""


def read(python: Path, folder: Path, kind: str, weights: int = 0) -> Any:
    start = f"import sys; sys.path += {[str(path) for path in stand_ins('xgboost')]}\n"
    command = [python, "-c", start + READ, folder, kind, str(weights)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def test_training_data_is_read_as_a_matrix(python: Path, tmp_path: Path) -> None:
    (tmp_path / "csv/deep").mkdir(parents=True)
    (tmp_path / "csv/a.csv").write_text("1,0.5,3\n0,1,4\n")
    (tmp_path / "csv/deep/b.csv").write_text("1,5,6\n")
    (tmp_path / "svm").write_text("1 0:2 3:4\n0 1:1 2:1\n")
    rows, columns, labels, weights, seen, size = read(python, tmp_path / "csv", "text/csv; label_size=1")
    assert (rows, columns, labels, weights, seen, size) == (3, 2, [1, 0, 1], [], [True], 20)
    assert read(python, tmp_path / "csv", "csv", 1)[1:3] == [1, [1, 0, 1]]
    assert read(python, tmp_path / "svm", "text/libsvm")[:3] == [2, 4, [1, 0]]
    assert read(python, tmp_path / "none", "csv") is None
    assert "is not an accepted ContentType" in read(python, tmp_path / "csv", "text/plain")
    assert "label_size must be equal to 1" in read(python, tmp_path / "csv", "text/csv; label_size=2")
