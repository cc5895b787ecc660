"""Files of a job (sagemaker_training/files.py)."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlparse

from . import folders


def write_success_file() -> None:
    write_file(os.path.join(folders.output_dir, "success"), "")


def write_failure_file(failure_msg: str) -> None:
    write_file(os.path.join(folders.output_dir, "failure"), failure_msg)


@contextlib.contextmanager
def tmpdir(suffix: str = "", prefix: str = "tmp", directory: str | None = None) -> Iterator[str]:
    folder = tempfile.mkdtemp(suffix=suffix, prefix=prefix, dir=directory)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def write_file(path: str, data: str, mode: str = "w") -> None:
    with open(path, mode) as file:
        file.write(data)


def read_file(path: str, mode: str = "r") -> Any:
    with open(path, mode) as file:
        return file.read()


def read_json(path: str) -> Any:
    with open(path) as file:
        return json.load(file)


def s3_download(url: str, dst: str) -> None:
    """Download the object of an S3 URI to a file."""
    import boto3

    parts = urlparse(url)
    if parts.scheme != "s3":
        raise ValueError("Expecting 's3' scheme, got: %s in %s." % (parts.scheme, url))
    endpoint = os.environ.get("S3_ENDPOINT_URL")
    s3 = boto3.resource("s3", region_name=os.environ.get("AWS_REGION"), endpoint_url=endpoint)
    s3.Bucket(parts.netloc).download_file(parts.path.lstrip("/"), dst)


def download_and_extract(uri: str, path: str) -> None:
    """Fill a folder from an archive in S3, a folder or a file."""
    os.makedirs(path, exist_ok=True)
    if uri.startswith("s3://"):
        with tmpdir() as folder:
            archive = os.path.join(folder, "tar_file")
            s3_download(uri, archive)
            with tarfile.open(name=archive, mode="r:gz") as opened:
                opened.extractall(path=path)  # noqa: S202 -- the job's own source, in the job
    elif os.path.isdir(uri):
        if os.path.abspath(uri) != os.path.abspath(path):
            shutil.copytree(uri, path, dirs_exist_ok=True)
    else:
        shutil.copy2(uri, os.path.join(path, os.path.basename(uri)))
