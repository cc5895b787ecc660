"""pytest fixtures: a local SageMaker, which runs jobs as processes, and a local AWS around it.

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
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from sagemaker_local.pytest_plugin import Local, make_state, scope_from, serving

SCOPE = "stagewright_scope"
FOLDER = "stagewright"


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
def aws_local(
    tmp_path_factory: pytest.TempPathFactory, sagemaker_pythons: Mapping[str, str]
) -> Iterator[Local]:
    """The local server: SageMaker, S3, DynamoDB, EventBridge, SQS, Lambda, Step Functions."""
    from sagemaker_local import credentials
    from sagemaker_local.settings import Settings
    from stagewright.local import server

    state = make_state(tmp_path_factory.mktemp(FOLDER), sagemaker_pythons)
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
