"""Fixtures for pytest: a SageMaker that really runs jobs, and a local AWS around it.

In the conftest.py at the root of your tests (or with `-p stagewright.testing`):

    pytest_plugins = ["stagewright.testing"]

`sagemaker_local` is SageMaker and an S3; `aws_local` the whole local server. Both are `Local` objects. One is
started for all tests of a session; with `stagewright_scope = function` (or module, class, package) in
pytest's configuration, each gets its own, with empty state. To change what they use, define a fixture of the
same name and of that scope, or a wider one:

- `sagemaker_endpoint_url`: the URL of an S3 that runs already (moto's ThreadedMotoServer, MinIO). Then
  `sagemaker_local` is SageMaker alone, beside it.
- `sagemaker_key`: access key and secret key, where that S3 asks for its own.
- `sagemaker_pythons`: image -> a Python executable, for images that need no environment of their own. They
  are the table `[pythons]` of local.toml.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from sagemaker_local.settings import Settings

Scope = Literal["session", "package", "module", "class", "function"]
SCOPE = "stagewright_scope"


class Local:
    """What a test uses. `environment` is for code that makes its own clients, and for other processes."""

    def __init__(self, settings: Settings, environment: Mapping[str, str], clients: ExitStack) -> None:
        self.environment = dict(environment)
        self._settings = settings
        self._clients = clients

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client, ready to use; it is closed with the fixture. `options` are those of boto3."""
        from botocore.config import Config

        from sagemaker_local.session import session

        own = Config(s3={"addressing_style": "path"}, proxies={})
        given = options.pop("config", None)
        made = session(self._settings).client(
            service,  # type: ignore[call-overload]
            config=own.merge(given) if given else own,
            **{"endpoint_url": self._endpoint(service), **options},
        )
        return self._clients.enter_context(closing(made))

    def _endpoint(self, service: str) -> str:
        own = f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}"
        return self.environment.get(own, self.environment["AWS_ENDPOINT_URL"])


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(SCOPE, "how long sagemaker_local and aws_local live", default="session")


def _scope(fixture_name: str, config: pytest.Config) -> Scope:  # noqa: ARG001 -- the signature is pytest's
    scope: Scope = config.getini(SCOPE)
    return scope


@pytest.fixture(scope=_scope)
def sagemaker_endpoint_url() -> str | None:
    """None: S3 is the local server's."""
    return None


@pytest.fixture(scope=_scope)
def sagemaker_key() -> tuple[str, str] | None:
    """None: one is made."""
    return None


@pytest.fixture(scope=_scope)
def sagemaker_pythons() -> Mapping[str, str]:
    return {}


@pytest.fixture(scope=_scope)
def aws_local(
    tmp_path_factory: pytest.TempPathFactory, sagemaker_pythons: Mapping[str, str]
) -> Iterator[Local]:
    """The local server: SageMaker, S3, DynamoDB, EventBridge, SQS, Lambda, Step Functions."""
    from sagemaker_local import credentials
    from sagemaker_local.settings import Settings
    from stagewright.local import server

    state = _state(tmp_path_factory, sagemaker_pythons)
    with server.borrow(state) as up, ExitStack() as clients:
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
    """SageMaker, beside the S3 of `sagemaker_endpoint_url`, or else the local server's."""
    if sagemaker_endpoint_url is None:
        yield request.getfixturevalue("aws_local")
        return
    from sagemaker_local import standalone

    state = _state(tmp_path_factory, sagemaker_pythons)
    with (
        standalone.beside(sagemaker_endpoint_url, state, key=sagemaker_key) as alone,
        ExitStack() as clients,
    ):
        yield Local(alone.settings, alone.environment, clients)


def _state(folders: pytest.TempPathFactory, pythons: Mapping[str, str]) -> Path:
    state = folders.mktemp("stagewright")
    # A TOML string is written as a JSON string is.
    lines = [f"{json.dumps(image)} = {json.dumps(python)}\n" for image, python in pythons.items()]
    (state / "local.toml").write_text("".join(["[pythons]\n", *lines]))
    return state
