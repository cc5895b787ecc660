"""Scripts that use what AWS's images have, unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.e2e.places import Place

from stagewright.local import server

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PACKAGES = """
import importlib
for name in ("yaml", "psutil", "flask", "google.protobuf", "retrying", "cryptography", "gevent", "six",
             "jinja2", "sagemaker_inference", "sagemaker_training", "sagemaker_containers.beta.framework"):
    importlib.import_module(name)
"""
IMPORTS = """
stages:
  train: {kind: training, entry_point: train.py}
  check: {kind: processing, code: train.py}
"""
TRAINS_AND_SERVES = """
import os
import joblib
from sagemaker_containers.beta.framework import content_types, encoders, env, modules, transformer, worker
from sklearn.linear_model import LinearRegression

def model_fn(folder):
    return joblib.load(os.path.join(folder, "m.joblib"))

def output_fn(prediction, accept):
    return worker.Response(encoders.encode(prediction, accept), mimetype=accept)

if __name__ == "__main__":
    assert env.TrainingEnv().model_dir == os.environ["SM_MODEL_DIR"]
    model = LinearRegression().fit([[0], [1]], [0, 2])
    joblib.dump(model, os.path.join(os.environ["SM_MODEL_DIR"], "m.joblib"))
"""
ONE_FILE = """
stages:
  train: {kind: training, entry_point: train.py}
  deploy: {kind: endpoint, model: "${stages.train.model}", entry_point: train.py}
"""
BOOSTS = """
import os
import numpy
import xgboost

if __name__ == "__main__":
    rows = numpy.random.default_rng(0).normal(size=(200, 3))
    booster = xgboost.train({"max_depth": 2}, xgboost.DMatrix(rows, label=rows.sum(axis=1)), 5)
    booster.save_model(os.path.join(os.environ["SM_MODEL_DIR"], "model.json"))
"""
MODEL_FN = """
import os
import xgboost

def model_fn(folder):
    booster = xgboost.Booster()
    booster.load_model(os.path.join(folder, "model.json"))
    return booster
"""
BOOSTED = """
stages:
  train: {kind: training, entry_point: train.py}
  register: {kind: register, model: "${stages.train.model}", entry_point: serve.py, approval: approved}
  deploy: {kind: endpoint, model: "${stages.register.package}"}
"""


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Place]:
    def make(name: str, image: str, stages: str, files: dict[str, str]) -> Place:
        head = f"name: {name}\ndefaults: {{image: {image}, instance_type: ml.m5.large}}\n"
        place = Place(tmp_path, head + stages, {f"code/{file}": text for file, text in files.items()})
        (place.state / "local.toml").unlink()
        return place

    return make


def test_packages_of_the_image_can_be_imported(made: Callable[..., Place]) -> None:
    made("packages", "sklearn-1.4", IMPORTS, {"train.py": PACKAGES})("run", ".")


def test_one_file_trains_and_serves_with_the_toolkit(made: Callable[..., Place]) -> None:
    place = made("toolkit", "sklearn-1.4", ONE_FILE, {"train.py": TRAINS_AND_SERVES})
    server.up(place.state)
    try:
        place("run", ".")
        assert json.loads(place("predict", "toolkit", "--data", "[[3]]").stdout) == pytest.approx([6.0])
    finally:
        server.down(place.state)


def test_booster_is_served_with_the_containers_own_functions(made: Callable[..., Place]) -> None:
    place = made("boosted", "xgboost-1.7", BOOSTED, {"train.py": BOOSTS, "serve.py": MODEL_FN})
    server.up(place.state)
    try:
        place("run", ".")
        answer = place("predict", "boosted", "--data", "1,2,3", "--content-type", "text/csv").stdout
        assert 1 < float(json.loads(answer)[0]) < 6
    finally:
        server.down(place.state)
