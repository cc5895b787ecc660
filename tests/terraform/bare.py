"""A local server without an installation: an empty account, into which something else installs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from sagemaker_local.state_folder import REGION, Server
from stagewright.local import server as local
from stagewright.local.artifacts import Artifacts
from stagewright.local.state import INSTALLATION, State


@contextmanager
def bare(root: Path) -> Iterator[Server]:
    """Its state directory says that all has been provisioned and settled, so the server leaves it alone."""
    state = State(root)
    state.create()
    state.services.mkdir()
    state.provisioned.write_text(Artifacts.read(INSTALLATION).digest)
    state.mark_reconciled()
    server = local.up(root)
    try:
        yield server
    finally:
        local.down(root)


def connect(server: Server) -> Callable[[str], Any]:
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})

    @cache
    def client(service: str) -> Any:
        session = boto3.Session(server.access_key, server.secret_key, region_name=REGION)
        return session.client(service, endpoint_url=server.url, config=config)  # type: ignore[call-overload]

    return client
