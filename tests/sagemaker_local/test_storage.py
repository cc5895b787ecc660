"""S3 semantics against a real S3."""

from __future__ import annotations

import json

import pytest

from sagemaker_local.archive import unpack
from sagemaker_local.errors import JobFailure
from sagemaker_local.jobs.job_files import JobFiles
from sagemaker_local.storage import Storage, is_s3, split

KEYS = (
    "raw/house/a.csv",
    "raw/house/deep/b.csv",
    "raw/house2/c.csv",
    "raw/house.csv",
    "raw/house/",
    "other/d",
)


@pytest.fixture
def objects(s3, request):
    """The keys above, each holding its own name."""
    for key in KEYS:
        s3.put_object(Bucket="jobs", Key=f"{request.node.name}/{key}", Body=key.encode())
    return f"s3://jobs/{request.node.name}"


def files_of(folder):
    return JobFiles(folder, print, "/out").tree("/out")


def tree(folder):
    return {
        file.relative_to(folder).as_posix(): file.read_text() for file in folder.rglob("*") if file.is_file()
    }


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("raw/house/", {"a.csv": "raw/house/a.csv", "deep/b.csv": "raw/house/deep/b.csv"}),
        (
            "raw/house",
            {
                "a.csv": "raw/house/a.csv",
                "deep/b.csv": "raw/house/deep/b.csv",
                "house.csv": "raw/house.csv",
                "house2/c.csv": "raw/house2/c.csv",
            },
        ),
        ("raw/house.csv", {"house.csv": "raw/house.csv"}),
        ("raw/hou", {
            "house/a.csv": "raw/house/a.csv",
            "house/deep/b.csv": "raw/house/deep/b.csv",
            "house.csv": "raw/house.csv",
            "house2/c.csv": "raw/house2/c.csv",
        }),
        ("other", {"d": "other/d"}),
    ],
)  # fmt: skip
def test_prefix_selects_every_key_that_starts_with_it(storage, objects, tmp_path, prefix, expected):
    assert storage.download(f"{objects}/{prefix}", "S3Prefix", tmp_path / "in") == len(expected)
    assert tree(tmp_path / "in") == expected


def test_manifest_selects_its_objects(storage, objects, s3, tmp_path, request):
    manifest = [{"prefix": f"{objects}/raw/"}, "house/a.csv", "house2/c.csv"]
    s3.put_object(Bucket="jobs", Key=f"{request.node.name}/m.json", Body=json.dumps(manifest).encode())
    storage.download(f"{objects}/m.json", "ManifestFile", tmp_path / "in")
    assert tree(tmp_path / "in") == {"house/a.csv": "raw/house/a.csv", "house2/c.csv": "raw/house2/c.csv"}


def test_invalid_manifest_is_rejected(storage, objects, tmp_path):
    with pytest.raises(JobFailure, match=r"ClientError: the manifest .*other/d is not \["):
        storage.download(f"{objects}/other/d", "ManifestFile", tmp_path)


def test_manifest_key_outside_the_folder_is_rejected(storage, objects, s3, tmp_path, request):
    manifest = [{"prefix": f"{objects}/raw/house/"}, "../house.csv"]
    s3.put_object(Bucket="jobs", Key=f"{request.node.name}/m.json", Body=json.dumps(manifest).encode())
    with pytest.raises(JobFailure, match="is not the name of a file"):
        storage.download(f"{objects}/m.json", "ManifestFile", tmp_path / "in")


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("s3://jobs/nowhere/", "No S3 objects found under S3 URL"),
        ("s3://no-such-bucket-here/x", "NoSuchBucket"),
        ("https://jobs/x", "is not an S3 URI"),
    ],
)
def test_missing_input_is_a_client_error(storage, s3, tmp_path, uri, words):
    with pytest.raises(JobFailure) as caught:
        storage.download(uri, "S3Prefix", tmp_path)
    assert str(caught.value).startswith("ClientError: ")
    assert words in str(caught.value)


def test_many_and_large_files_round_trip(storage, s3, tmp_path):
    out = tmp_path / "out"
    (out / "deep").mkdir(parents=True)
    for number in range(30):
        (out / f"deep/{number}").write_bytes(bytes([number]) * number)
    (out / "large").write_bytes(b"0123456789abcdef" * (9 << 16))
    assert storage.upload_files(files_of(out), "s3://jobs/many/") == 31
    storage.download("s3://jobs/many/", "S3Prefix", tmp_path / "in")
    assert {f.name: f.read_bytes() for f in (tmp_path / "in").rglob("*") if f.is_file()} == {
        f.name: f.read_bytes() for f in out.rglob("*") if f.is_file()
    }


def test_archive_contains_the_files_of_the_folder(storage, s3, tmp_path):
    model = tmp_path / "model"
    (model / "code").mkdir(parents=True)
    (model / "code/inference.py").write_text("x = 1")
    storage.upload_archive(files_of(model), tmp_path / "model.tar.gz", "s3://jobs/archive/model.tar.gz")
    storage.download_file("s3://jobs/archive/model.tar.gz", tmp_path / "back.tar.gz")
    unpack(tmp_path / "back.tar.gz", tmp_path / "back")
    assert tree(tmp_path / "back") == {"code/inference.py": "x = 1"}
    assert not (tmp_path / "model.tar.gz").exists()


def test_unreachable_server_is_an_internal_error(settings, tmp_path):
    from dataclasses import replace

    lost = Storage(replace(settings, url="http://127.0.0.1:1"))
    with pytest.raises(JobFailure, match=r"^InternalServerError: "):
        lost.download("s3://jobs/x", "S3Prefix", tmp_path)
    lost.close()


@pytest.mark.parametrize(
    "uri",
    [
        "s3://own-bucket/a/b.tar.gz",
        "https://own-bucket.s3.amazonaws.com/a/b.tar.gz",
        "https://own-bucket.s3-us-east-1.amazonaws.com/a/b.tar.gz",
        "https://own-bucket.s3.eu-west-1.amazonaws.com/a/b.tar.gz",
        "https://own-bucket.s3.cn-north-1.amazonaws.com.cn/a/b.tar.gz",
        "https://s3.amazonaws.com/own-bucket/a/b.tar.gz",
        "https://s3-us-west-2.amazonaws.com/own-bucket/a/b.tar.gz",
        "https://s3.us-west-2.amazonaws.com/own-bucket/a/b.tar.gz",
    ],
)
def test_object_has_an_s3_uri_or_an_https_address(uri):
    assert is_s3(uri)
    assert split(uri) == ("own-bucket", "a/b.tar.gz")


@pytest.mark.parametrize(
    "uri", ["", "s3://", "https://example.com/a", "https://s3.example.com/a/b", "/a/b", "file:///a"]
)
def test_other_text_is_no_object(uri):
    with pytest.raises(JobFailure, match="is not an S3 URI"):
        split(uri)
