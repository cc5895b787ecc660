"""A server whose Python shell runs in the Python of the tests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from tests.local.glue.bench import SPARK_SKIPPED, Bench, client, pythons
from tests.support.cached_python import report_skipped

from sagemaker_local.state_folder import Server
from stagewright.local import server as local


@pytest.fixture(scope="session")
def own_pythons() -> dict[str, str]:
    return {"glue_pythonshell_3.9": sys.executable}


@pytest.fixture(scope="session")
def glue_server(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, own_pythons: dict[str, str]
) -> Iterator[Server]:
    state = pythons(tmp_path_factory.mktemp("glue") / "state", **own_pythons)
    with ExitStack() as leases:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STAGEWRIGHT_CACHE", str(cache))
            started = leases.enter_context(local.temporary(state))
        yield started


@pytest.fixture
def bench_of(request: pytest.FixtureRequest) -> Iterator[Callable[[Server], Bench]]:
    with ExitStack() as opened:

        def of(server: Server) -> Bench:
            made: dict[str, Any] = {}

            def connect(service: str) -> Any:
                if service not in made:
                    made[service] = opened.enter_context(closing(client(server, service)))
                return made[service]

            return Bench(server, connect, request.node.name.replace("[", "-").rstrip("]"))

        yield of


@pytest.fixture
def bench(glue_server: Server, bench_of: Callable[[Server], Bench]) -> Bench:
    return bench_of(glue_server)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    report_skipped(terminalreporter, "NOT RUN WITH SPARK", SPARK_SKIPPED)
