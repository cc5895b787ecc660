"""One local server for the session of end-to-end tests, and plain boto3 clients for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import boto3
import pytest
from botocore.config import Config

from stagewright.local import server as local_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[local_server.Server]:
    state = tmp_path_factory.mktemp("state")
    yield local_server.up(state)
    local_server.down(state)


@pytest.fixture(scope="session")
def client(server: local_server.Server) -> Callable[[str], object]:
    def make(service: str) -> object:
        return boto3.client(
            service,
            endpoint_url=server.url,
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            region_name=server.installation.region,
            config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    return make
