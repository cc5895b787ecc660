"""Keys that S3 takes and that are no paths of files, in every order."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sagemaker_local.state_folder import Server
from stagewright.local import integrity
from stagewright.local import server as local
from stagewright.local.state import State

CLASHES = [
    ("a", "a/b"),
    ("a/b", "a/b/c/d.csv", "a"),
    ("a", "a/"),
    ("a/b", "a//b", "a/./b", "a/../b"),
    ("x/" + "L" * 300 + ".csv", "x/" + "L" * 300),
    ("a", "a.meta.json", "a.tmp"),
    ("/", "//", "/a"),
    ("ü%/é", "ü%25/é"),
    ("k" * 1024, "k/" * 512),
]


@pytest.fixture
def bucket(client: Callable[[str], Any], request: pytest.FixtureRequest) -> str:
    name = f"keys-{abs(hash(request.node.name)) % 10**12}"
    client("s3").create_bucket(Bucket=name)
    return name


def store(s3: Any, bucket: str, keys: tuple[str, ...]) -> None:
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=f"1 {key}".encode())
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())


def stored(s3: Any, bucket: str) -> dict[str, str]:
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys}


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("keys", CLASHES)
def test_clashing_keys_are_all_stored(
    client: Callable[[str], Any], bucket: str, keys: tuple[str, ...], is_reversed: bool
) -> None:
    s3, keys = client("s3"), keys[::-1] if is_reversed else keys
    store(s3, bucket, keys)
    assert stored(s3, bucket) == {key: key for key in keys}
    first, *others = keys
    s3.delete_object(Bucket=bucket, Key=first)
    assert stored(s3, bucket) == {key: key for key in others}
    s3.put_object(Bucket=bucket, Key=first, Body=first.encode())
    assert stored(s3, bucket) == {key: key for key in keys}


@pytest.mark.slow
@pytest.mark.parametrize("versioned", [True, False])
def test_clashing_keys_survive_a_kill(
    state: Path, clients: Callable[[Server], Callable[[str], Any]], versioned: bool
) -> None:
    server = local.up(state)
    s3 = clients(server)("s3")
    for number, keys in enumerate(CLASHES):
        s3.create_bucket(Bucket=f"keys-{number}")
        if versioned:
            rule = {"Status": "Enabled"}
            s3.put_bucket_versioning(Bucket=f"keys-{number}", VersioningConfiguration=rule)
        store(s3, f"keys-{number}", keys)
        s3.delete_object(Bucket=f"keys-{number}", Key=keys[0])
    os.kill(server.pid, signal.SIGKILL)
    os.waitpid(server.pid, 0)
    assert integrity.check_stopped(State(state)) == []
    s3 = clients(local.up(state))("s3")
    for number, keys in enumerate(CLASHES):
        assert stored(s3, f"keys-{number}") == {key: key for key in keys[1:]}
        versions = s3.list_object_versions(Bucket=f"keys-{number}").get("Versions", ())
        assert len(versions) == (2 * len(keys) if versioned else len(keys) - 1)
        for version in versions:
            which = {"Bucket": f"keys-{number}", "Key": version["Key"], "VersionId": version["VersionId"]}
            assert s3.get_object(**which)["Body"].read().decode().endswith(version["Key"])
