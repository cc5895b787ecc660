from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from tests.local.clients import connect

from sagemaker_local.state_folder import Server
from stagewright.local import server as local

Connect = Callable[[str], Any]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not the user's own."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Server]:
    """One local server for all tests that only use it."""
    state = tmp_path_factory.mktemp("state")
    with ExitStack() as leases:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STAGEWRIGHT_CACHE", str(cache))
            started = leases.enter_context(local.temporary(state))
        yield started


@pytest.fixture
def clients() -> Iterator[Callable[[Server], Connect]]:
    """`clients(server)("s3")`: plain boto3, closed after the test."""
    with ExitStack() as open_clients:

        def of(server: Server) -> Connect:
            return lambda service: open_clients.enter_context(closing(connect(server, service)))

        yield of


@pytest.fixture
def client(server: Server, clients: Callable[[Server], Connect]) -> Connect:
    return clients(server)


@pytest.fixture
def state(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory of the test's own; its server is stopped afterwards."""
    monkeypatch.setenv("STAGEWRIGHT_CACHE", str(cache))
    folder = tmp_path / "state"
    yield folder
    local.down(folder)


@pytest.fixture(scope="module")
def own_image(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Connect]:
    """boto3 clients of a server of the module's own, where the image `own-image` is this Python."""
    state = tmp_path_factory.mktemp("state")
    (state / "local.toml").write_text(f'[pythons]\n"own-image" = "{sys.executable}"\n')
    with ExitStack() as opened:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STAGEWRIGHT_CACHE", str(cache))
            server = opened.enter_context(local.temporary(state))
        yield lambda service: opened.enter_context(closing(connect(server, service)))
