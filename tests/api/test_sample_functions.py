"""A document's sample functions are in the local target before its run starts."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest

from stagewright.api import sample_data
from stagewright.api.source import Source
from stagewright.local import server


def test_sample_functions_are_uploaded_once_with_the_sample_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="stagewright")
    monkeypatch.setenv("STAGEWRIGHT_STATE", str(tmp_path / "state"))
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions/notify.py").write_text("def handler(event, context):\n    return event\n")
    functions = {"notify": "functions/notify.py:handler"}
    pipeline = SimpleNamespace(sample_data={}, sample_functions=functions)
    source = Source(tmp_path / "pipeline.yaml", pipeline, {})
    with server.temporary(tmp_path / "state") as running:
        for _ in range(2):
            sample_data.upload_samples(SimpleNamespace(is_local=True, gateway=None), source)
        client = boto3.client(
            "lambda",
            endpoint_url=running.url,
            region_name="us-east-1",
            aws_access_key_id=running.access_key,
            aws_secret_access_key=running.secret_key,
        )
        with closing(client):
            answer = client.invoke(FunctionName="notify", Payload=b'{"a": 1}')
            assert json.loads(answer["Payload"].read()) == {"a": 1}
    assert caplog.text.count("uploaded sample functions: notify") == 1
