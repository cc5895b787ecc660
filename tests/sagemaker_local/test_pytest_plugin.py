from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from sagemaker_local.pytest_plugin import Local
from sagemaker_local.settings import Settings


def test_client_accepts_no_config(tmp_path: Path) -> None:
    url = "http://127.0.0.1:9"
    with ExitStack() as clients:
        local = Local(Settings(tmp_path, url, "key", "secret"), {"AWS_ENDPOINT_URL": url}, clients)
        assert local.client("s3", config=None).meta.config.s3["addressing_style"] == "path"
