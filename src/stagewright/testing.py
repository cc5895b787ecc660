"""pytest fixtures: a local SageMaker, which runs jobs as processes, a local AWS around it, and pipelines.

In the conftest.py at the root of your tests (or with `-p stagewright.testing`):

    pytest_plugins = ["stagewright.testing"]

`sagemaker_local` is SageMaker and an S3. `aws_local` is the whole local server. Both are `Local` objects. One
serves all tests of a session. With `stagewright_scope = function` (or class, module, package) in pytest's
configuration, each of these gets its own, with empty state. Define a fixture of the same name to change a
setting; it needs that scope or a wider one:

- `sagemaker_endpoint_url`: the URL of an S3 that already runs (moto's ThreadedMotoServer, MinIO). Then
  `sagemaker_local` is SageMaker alone, next to it.
- `sagemaker_key`: (access key, secret key), if that S3 has its own. None: a key is made.
- `sagemaker_pythons`: {image: Python executable}, for images that need no environment of their own.

`run_pipeline` runs a pipeline in the local server of `aws_local` and returns the run when it has ended.
`assert_run` checks it:

    def test_model_is_good(run_pipeline):
        run = run_pipeline("pipelines/house-price", parameters={"min_r2": 0.8})
        assert_run(run, stages={"deploy": "SUCCEEDED"}, metrics={"evaluate.r2": ">= 0.8"})
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from sagemaker_local.pytest_plugin import Local, make_state, scope_from, serving

if TYPE_CHECKING:
    from stagewright.api.expectations import Expected
    from stagewright.api.run import Run

SCOPE = "stagewright_scope"
FOLDER = "stagewright"


class RunPipeline(Protocol):
    """The fixture `run_pipeline`."""

    def __call__(self, pipeline: str | Path, **options: Any) -> Run:
        """Run a pipeline and return the ended run, also a failed one. Options: those of `stagewright.run`."""


def assert_run(
    run: Run,
    status: str = "SUCCEEDED",
    *,
    stages: Mapping[str, str] | None = None,
    metrics: Mapping[str, Expected] | None = None,
) -> None:
    """Assert how a run ended. An AssertionError lists every difference, and the logs of the failed stages.

    Args:
        status: State of the run.
        stages: Stage -> its state: `SUCCEEDED`, `REUSED`, `SKIPPED`, ...
        metrics: `stage.metric` -> a comparison (`">= 0.9"`), a value (also `pytest.approx(0.9)`), or a
            function of the value that returns a bool.
    """
    from stagewright.api.expectations import differences, failures

    __tracebackhide__ = True
    if wrong := list(differences(run, status, stages or {}, metrics or {})):
        pytest.fail("\n".join([*wrong, *failures(run)]), pytrace=False)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(SCOPE, "the scope of the fixtures sagemaker_local and aws_local", default="session")


_scope = scope_from(SCOPE)


@pytest.fixture(scope=_scope)
def sagemaker_endpoint_url() -> str | None:
    """The URL of an S3; None for the S3 of the local server."""
    return None


@pytest.fixture(scope=_scope)
def sagemaker_key() -> tuple[str, str] | None:
    """Access key and secret key of that S3; None if it accepts any."""
    return None


@pytest.fixture(scope=_scope)
def sagemaker_pythons() -> Mapping[str, str]:
    """Image -> Python executable."""
    return {}


@pytest.fixture(scope=_scope)
def stagewright_state(tmp_path_factory: pytest.TempPathFactory, sagemaker_pythons: Mapping[str, str]) -> Path:
    """The state folder of the local server. Empty but for the images' Python executables."""
    return make_state(tmp_path_factory.mktemp(FOLDER), sagemaker_pythons)


@pytest.fixture(scope=_scope)
def aws_local(stagewright_state: Path) -> Iterator[Local]:
    """The local server: SageMaker, S3, DynamoDB, EventBridge, SQS, Lambda, Step Functions."""
    from sagemaker_local import credentials
    from sagemaker_local.settings import Settings
    from stagewright.local import server

    state = stagewright_state
    with server.temporary(state) as up, ExitStack() as clients:
        settings = Settings(state / "sagemaker", up.url, up.access_key, up.secret_key)
        yield Local(settings, credentials.for_user(up), clients)


@pytest.fixture(scope=_scope)
def sagemaker_local(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    sagemaker_endpoint_url: str | None,
    sagemaker_key: tuple[str, str] | None,
    sagemaker_pythons: Mapping[str, str],
) -> Iterator[Local]:
    """SageMaker, next to the S3 of `sagemaker_endpoint_url`, or else in the local server."""
    if sagemaker_endpoint_url is None:
        yield request.getfixturevalue("aws_local")
        return
    from sagemaker_local.settings import Program
    from sagemaker_local.standalone import Options

    state = make_state(tmp_path_factory.mktemp(FOLDER), sagemaker_pythons)
    options = Options(sagemaker_endpoint_url, state, key=sagemaker_key, program=Program("stagewright"))
    with serving(options) as local:
        yield local


@pytest.fixture(scope=_scope)
def run_pipeline(
    aws_local: Local,  # noqa: ARG001 -- it keeps the server up
    stagewright_state: Path,
) -> Iterator[RunPipeline]:
    """Run a pipeline in the local server, and wait until the run has ended."""
    from stagewright.api import calls, open_sessions

    def start(pipeline: str | Path, **options: Any) -> Run:
        return calls.run(pipeline, **options).wait(check=False)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAGEWRIGHT_STATE", str(stagewright_state))
        yield start
        open_sessions.close()
