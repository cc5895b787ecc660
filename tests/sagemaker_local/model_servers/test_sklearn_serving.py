"""A real model in the environment of the scikit-learn image, with the container's default functions.

Skipped only if this machine cannot build the environment.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sagemaker_local.errors import JobEnvironmentError
from sagemaker_local.images.environments import Environment, Environments

pytestmark = pytest.mark.slow

IMAGE = "sklearn-1.4-2"
TRAIN = """
import sys, joblib
from sklearn.linear_model import LinearRegression
joblib.dump(LinearRegression().fit([[0, 0], [1, 0], [0, 1]], [1, 3, 4]), sys.argv[1])
"""
SCRIPT = """
import os, joblib
def model_fn(folder):
    return joblib.load(os.path.join(folder, "model.joblib"))
"""


@pytest.fixture(scope="module")
def environment() -> Environment:
    try:
        return Environments().resolve(IMAGE)
    except JobEnvironmentError as error:
        pytest.skip(str(error))


@pytest.fixture
def serving(world: Any, environment: Environment, tmp_path: Path) -> Any:
    """`serving(content_type, body, accept="")`: the answer of a trained model: status, type, body."""
    model = tmp_path / "model.joblib"
    subprocess.run([environment.python, "-c", TRAIN, model], check=True)
    uri = world.put_model("sklearn", {"code/serve.py": SCRIPT}, {"model.joblib": model.read_bytes()})
    variables = {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    container = {"Image": IMAGE, "ModelDataUrl": uri, "Environment": variables}
    world.call("CreateModel", ModelName="sklearn", PrimaryContainer=container)
    world.create_config("sklearn", "sklearn")
    world.call("CreateEndpoint", EndpointName="sklearn", EndpointConfigName="sklearn")
    found = world.settled("sklearn")
    assert found["EndpointStatus"] == "InService", found

    def ask(content_type: str, body: bytes, accept: str = "*/*") -> tuple[int, str, bytes]:
        result = world.service.invoke("sklearn", body, {"content-type": content_type, "accept": accept})
        return result.status, result.headers["content-type"], result.body

    return ask


def test_default_functions_match_the_container(serving: Any) -> None:
    status, kind, body = serving("text/csv", b"1,1\n2,0\n")
    assert (status, kind) == (200, "application/json")
    assert json.loads(body) == pytest.approx([6.0, 5.0], rel=1e-5)
    status, kind, body = serving("application/json", b"[[1, 1], [2, 0]]", "text/csv")
    assert (status, kind) == (200, "text/csv; charset=utf-8")
    assert [float(line) for line in body.decode().splitlines()] == pytest.approx([6.0, 5.0], rel=1e-5)
    # A single CSV row is squeezed to one dimension there, and scikit-learn refuses it.
    status, _, body = serving("text/csv", b"1,1")
    assert (status, json.loads(body)["OriginalStatusCode"]) == (424, 500)
    assert "Expected 2D array, got 1D array instead" in json.loads(body)["OriginalMessage"]
    assert json.loads(serving("text/csv", b"a,b\nc,d")[2])["OriginalStatusCode"] == 500
    assert json.loads(serving("text/plain", b"1")[2])["OriginalStatusCode"] == 415
    assert json.loads(serving("application/json", b"[[1, 1]]", "image/png")[2])["OriginalStatusCode"] == 406


def test_numpy_arrays_round_trip(serving: Any, environment: Environment) -> None:
    def numpy(code: str, data: bytes = b"") -> bytes:
        setup = "import io, sys, numpy as np\n"
        command = [environment.python, "-c", setup + code]
        return subprocess.run(command, input=data, check=True, capture_output=True).stdout

    # Not into the pipe itself: numpy asks a file for its place, which a pipe does not have.
    sent = numpy(
        "b = io.BytesIO(); np.save(b, np.array([[1.0, 1.0]])); sys.stdout.buffer.write(b.getvalue())"
    )
    status, kind, body = serving("application/x-npy", sent, "application/x-npy")
    assert (status, kind) == (200, "application/x-npy")
    text = numpy("print(np.load(io.BytesIO(sys.stdin.buffer.read())).tolist())", body)
    assert json.loads(text) == pytest.approx([6.0])
