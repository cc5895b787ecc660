"""serve.py predicts what the model predicts, for every form of a request, in the images' environments."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stagewright.cli.commands.author.script import SCRIPTS
from stagewright.errors import StagewrightError
from stagewright.local import environments

TRAIN = """
import joblib, json, pickle, sys
import pandas as pd
from sklearn.linear_model import LinearRegression
sys.path.insert(0, sys.argv[1])
import serve

frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 5.0], "b": [2.0, 1.0, 0.0, 4.0]})
named = LinearRegression().fit(frame, frame.a * 10 + frame.b)
unnamed = LinearRegression().fit(frame.to_numpy(), frame.a * 10 + frame.b)

def ask(model, body, kind="application/json", accept="application/json"):
    try:
        text, out = serve.output_fn(serve.predict_fn(serve.input_fn(body, kind), model), accept)
        return [round(x, 6) for x in json.loads(text)] if out == "application/json" else [out, text]
    except ValueError as error:
        return str(error)
"""
ASKED = {
    "record": ('named, \'{"b": 1, "a": 2}\'', [21.0]),
    "records": ('named, \'[{"a": 2, "b": 1, "id": 7}, {"a": 3, "b": 0}]\'', [21.0, 30.0]),
    "rows": ("named, '[[2, 1], [3, 0]]'", [21.0, 30.0]),
    "row": ("named, '[2, 1]'", [21.0]),
    "instances": ("named, '{\"instances\": [[2, 1]]}'", [21.0]),
    "bytes": ("named, b'[2, 1]'", [21.0]),
    "csv": ("named, '2,1\\n3,0\\n', 'text/csv'", [21.0, 30.0]),
    "csv-header": ("named, 'b,a\\n1,2\\n', 'text/csv; charset=utf-8'", [21.0]),
    "csv-unnamed": ("unnamed, '2,1\\n', 'text/csv'", [21.0]),
    "csv-unnamed-header": ("unnamed, 'x,y\\n2,1\\n', 'text/csv'", [21.0]),
    "to-csv": ("named, '[[2, 1]]', 'application/json', 'text/csv'", ["text/csv", "21.0"]),
    "missing": ("named, '{\"a\": 2}'", "the rows have no column b"),
    "too-many": ("named, '[[1, 2, 3]]'", "the rows have 3 columns, and the model takes 2 (a, b)"),
    "empty": ("named, '[]'", 'send a record, a list of records, a list of rows, or {"instances": [...]}'),
    "empty-csv": ("named, ' ', 'text/csv'", "the request has no rows"),
    "type": ("named, 'x', 'image/png'", "image/png is neither application/json nor text/csv"),
}


def python_of(image: str) -> Path:
    try:
        return environments.resolve(image).python
    except StagewrightError as error:
        pytest.skip(f"no environment of {image}: {error.message}")


def answers(python: Path, program: str, folder: Path) -> Any:
    done = subprocess.run(
        [python, "-c", program, SCRIPTS], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_requests_of_every_form_are_predicted(tmp_path: Path) -> None:
    calls = ", ".join(f"{name!r}: ask({call})" for name, (call, _) in ASKED.items())
    read = answers(python_of("sklearn-1.4"), f"{TRAIN}\nprint(json.dumps({{{calls}}}))", tmp_path)
    read = {name: [answer[0], answer[1][:4]] if name == "to-csv" else answer for name, answer in read.items()}
    assert read == {name: expected for name, (_, expected) in ASKED.items()}


MODELS = """
from pathlib import Path
def load(*names):
    folder = Path("-".join(names) or "empty")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".pkl"):
            (folder / name).write_bytes(pickle.dumps(named))
        elif name.endswith(".joblib"):
            joblib.dump(named, folder / name)
        else:
            (folder / name).write_text("{}")
    try:
        return type(serve.model_fn(str(folder))).__name__
    except ValueError as error:
        return str(error)
files = [["model.joblib"], ["out/ridge.pkl", "metrics.json"], ["model.pkl", "scaler.pkl"], ["a.pkl", "b.pkl"]]
print(json.dumps([load(*names) for names in [*files, []]]))
"""


def test_model_is_found_in_the_artifact_or_the_files_are_listed(tmp_path: Path) -> None:
    read = answers(python_of("sklearn-1.4"), TRAIN + MODELS, tmp_path)
    change = "change model_file in serve.py"
    assert read == [
        "LinearRegression",
        "LinearRegression",
        "LinearRegression",
        f"several models in the artifact (a.pkl, b.pkl): {change}",
        f"no model that serve.py can load in the artifact (it is empty): {change}",
    ]


BOOSTERS = """
import json, os, pickle, sys
import numpy as np, pandas as pd, xgboost
sys.path.insert(0, sys.argv[1])
import serve
frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 5.0] * 10, "b": [2.0, 1.0, 0.0, 4.0] * 10})
booster = xgboost.train({}, xgboost.DMatrix(frame, frame.a), 30)
answers = []
for name in ("model.json", "model.ubj", "xgboost-model"):
    os.makedirs(name + ".d")
    path = os.path.join(name + ".d", name)
    if name == "xgboost-model":
        pickle.dump(booster, open(path, "wb"))
    else:
        booster.save_model(path)
    model = serve.model_fn(name + ".d")
    body = serve.input_fn('{"b": 1, "a": 2}', "application/json")
    answers.append(json.loads(serve.output_fn(serve.predict_fn(body, model), "application/json")[0]))
print(json.dumps(answers))
"""


@pytest.mark.slow
def test_boosters_of_every_format_are_served(tmp_path: Path) -> None:
    read = answers(python_of("xgboost-3.0"), BOOSTERS, tmp_path)
    assert len(read) == 3
    assert all(abs(answer[0] - 2) < 0.1 for answer in read)
