"""pytest fixtures: a local SageMaker, which runs jobs as processes, next to an S3 that already runs.

In the conftest.py at the root of your tests:

    pytest_plugins = ["sagemaker_local.pytest_plugin"]

    @pytest.fixture(scope="session")
    def sagemaker_endpoint_url():
        server = ThreadedMotoServer(port=0)  # from moto.server import ThreadedMotoServer
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()

`sagemaker_local` is a `Local`. One service serves all tests of a session. With
`sagemaker_local_scope = function` (or class, module, package) in pytest's configuration, each of these gets
its own, with empty state. Define a fixture of the same name to change a setting; it needs that scope or a
wider one:

- `sagemaker_endpoint_url`: the URL of the S3. You have to define it.
- `sagemaker_key`: (access key, secret key), if the S3 has its own. None: a key is made.
- `sagemaker_pythons`: {image: Python executable}, for images that need no environment of their own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from sagemaker_local.settings import Settings
    from sagemaker_local.standalone import Options

Scope = Literal["session", "package", "module", "class", "function"]
SCOPE = "sagemaker_local_scope"


class Local:
    """A running local service. `environment` is for code that makes its own clients, and for processes."""

    def __init__(self, settings: Settings, environment: Mapping[str, str], clients: ExitStack) -> None:
        self.environment = dict(environment)
        self._settings = settings
        self._clients = clients

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of the service, closed with the fixture. `options` are those of boto3."""
        from botocore.config import Config

        from sagemaker_local.session import session

        config = Config(s3={"addressing_style": "path"}, proxies={})
        if own_config := options.pop("config", None):
            config = config.merge(own_config)
        client = session(self._settings).client(
            service,  # type: ignore[call-overload]
            config=config,
            **{"endpoint_url": self._endpoint(service), **options},
        )
        return self._clients.enter_context(closing(client))

    def _endpoint(self, service: str) -> str:
        variable = f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}"
        return self.environment.get(variable, self.environment["AWS_ENDPOINT_URL"])


def scope_from(setting: str) -> Callable[[str, pytest.Config], Scope]:
    """For `pytest.fixture(scope=...)`: the scope that pytest's configuration sets."""

    def scope(fixture_name: str, config: pytest.Config) -> Scope:  # noqa: ARG001 -- pytest's signature
        configured: Scope = config.getini(setting)
        return configured

    return scope


def make_state(folder: Path, pythons: Mapping[str, str]) -> Path:
    """Write `pythons` to the folder's local.toml."""
    # A JSON string is a TOML string.
    lines = [f"{json.dumps(image)} = {json.dumps(python)}\n" for image, python in pythons.items()]
    (folder / "local.toml").write_text("".join(["[pythons]\n", *lines]))
    return folder


@contextmanager
def serving(options: Options) -> Iterator[Local]:
    """A service for the length of the block."""
    from sagemaker_local import standalone

    with standalone.serve(options) as service, ExitStack() as clients:
        yield Local(service.settings, service.environment, clients)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(SCOPE, "the scope of the fixture sagemaker_local", default="session")


_scope = scope_from(SCOPE)


@pytest.fixture(scope=_scope)
def sagemaker_endpoint_url() -> str:
    """The URL of the S3 that the service uses."""
    raise pytest.UsageError("define the fixture sagemaker_endpoint_url: the URL of an S3")


@pytest.fixture(scope=_scope)
def sagemaker_key() -> tuple[str, str] | None:
    """Access key and secret key of that S3; None if it accepts any."""
    return None


@pytest.fixture(scope=_scope)
def sagemaker_pythons() -> Mapping[str, str]:
    """Image -> Python executable."""
    return {}


@pytest.fixture(scope=_scope)
def sagemaker_local(
    tmp_path_factory: pytest.TempPathFactory,
    sagemaker_endpoint_url: str,
    sagemaker_key: tuple[str, str] | None,
    sagemaker_pythons: Mapping[str, str],
) -> Iterator[Local]:
    """SageMaker, next to the S3 of `sagemaker_endpoint_url`."""
    from sagemaker_local.standalone import Options

    state = make_state(tmp_path_factory.mktemp("sagemaker-local"), sagemaker_pythons)
    with serving(Options(sagemaker_endpoint_url, state, key=sagemaker_key)) as local:
        yield local
