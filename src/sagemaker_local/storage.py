"""Copies S3 objects into and out of job folders, with SageMaker's semantics of prefixes and manifests."""

from __future__ import annotations

import json
import tarfile
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_local.errors import JobFailure
from sagemaker_local.session import s3_config, session
from sagemaker_local.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

TRANSFERS = 8
SMALL = 8 << 20
CHUNK = 1 << 20
UNPACKED_LIMIT = 20 << 30
MEMBERS_LIMIT = 200_000
NOT_FOUND = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}


@dataclass(frozen=True)
class Item:
    """One object to download. `path` is relative to the target folder."""

    bucket: str
    key: str
    path: str
    size: int

    def below(self, root: Path) -> Path:
        """The target file. JobFailure if the object's key leads out of the folder."""
        file = root / self.path
        if not file.resolve().is_relative_to(root.resolve()):
            raise JobFailure(f"ClientError: the key {self.key} would leave the folder {root.name}")
        return file


@dataclass(frozen=True)
class Shard:
    """Every `count`th object from `number` on: "approximately 1/n of the objects" (API, S3DataSource)."""

    number: int
    count: int


WHOLE = Shard(0, 1)


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI. JobFailure if it is not one."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise JobFailure(f"ClientError: {uri} is not an S3 URI")
    return bucket, key


class Storage:
    """S3 for jobs. Methods raise JobFailure with a sentence for FailureReason."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = Lock()

    @cached_property
    def _client(self) -> S3Client:
        connect = session(self._settings).client
        return connect("s3", endpoint_url=self._settings.url, config=s3_config(4 * TRANSFERS))

    @property
    def client(self) -> S3Client:
        """The S3 client. Creating it is slow; it is thread-safe."""
        with self._lock:
            return self._client

    def close(self) -> None:
        with self._lock:
            if "_client" in self.__dict__:
                self._client.close()

    def exists(self, uri: str) -> bool:
        """Whether any object's key starts with the URI's key."""
        bucket, key = split(uri)
        try:
            return self.client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("KeyCount", 0) > 0
        except ClientError as error:
            if error.response["Error"]["Code"] in NOT_FOUND:
                return False
            raise _failure(error, uri) from error
        except BotoCoreError as error:
            raise _failure(error, uri) from error

    def download(self, uri: str, data_type: str, folder: Path, shard: Shard = WHOLE) -> int:
        """Download a prefix or a manifest, and return the number of objects. A shard may be empty.

        `data_type` is S3Prefix or ManifestFile.
        """
        items = self.items(uri, data_type)[shard.number :: shard.count]
        folder.mkdir(parents=True, exist_ok=True)
        root = folder.resolve()
        for item in items:
            item.below(root)
        self._each(items, lambda item: self.fetch(item, root / item.path))
        return len(items)

    def items(self, uri: str, data_type: str) -> list[Item]:
        """The objects of a prefix or a manifest. JobFailure if there are none."""
        items = self._manifest(uri) if data_type == "ManifestFile" else self._prefix(uri)
        if not items:
            raise JobFailure(f"ClientError: Data download failed: {nothing_under(uri)}")
        return items

    def download_file(self, uri: str, file: Path) -> None:
        bucket, key = split(uri)
        self.fetch(Item(bucket, key, file.name, 0), file)

    def upload_bytes(self, body: bytes, uri: str) -> None:
        bucket, key = split(uri)
        try:
            self.client.put_object(Bucket=bucket, Key=key, Body=body)
        except (ClientError, BotoCoreError) as error:
            raise _failure(error, uri, "Data upload failed") from error

    def upload_folder(self, folder: Path, uri: str) -> int:
        """Upload every file of the folder under its relative path, and return the number of files. Follows
        links."""
        bucket, key = split(uri)
        prefix = key.rstrip("/") + "/" if key else ""
        files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
        self._each(files, lambda file: self._send(file, bucket, prefix + file.relative_to(folder).as_posix()))
        return len(files)

    def upload_archive(self, folder: Path, uri: str) -> None:
        """Upload the folder's contents as a .tar.gz."""
        archive = folder.with_name(folder.name + ".tar.gz")
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
            for entry in sorted(folder.iterdir()):
                tar.add(entry, entry.name)
        self._send(archive, *split(uri))
        archive.unlink()

    def _prefix(self, uri: str) -> list[Item]:
        """Every object whose key starts with the prefix (API reference, S3DataSource), without folder
        markers."""
        bucket, prefix = split(uri)
        cut = prefix.rfind("/") + 1
        items = []
        try:
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for entry in page.get("Contents", ()):
                    key = entry["Key"]
                    below = key.startswith(prefix + "/")
                    path = key[len(prefix) + 1 :] if below else key[cut:]
                    if not key.endswith("/"):
                        items.append(Item(bucket, key, path, entry["Size"]))
        except (ClientError, BotoCoreError) as error:
            raise _failure(error, uri) from error
        return items

    def _manifest(self, uri: str) -> list[Item]:
        """The objects of a manifest: `[{"prefix": "s3://bucket/folder/"}, "a.csv", ...]` (API reference,
        S3DataSource, S3DataType)."""
        bucket, key = split(uri)
        try:
            listed = json.loads(self.client.get_object(Bucket=bucket, Key=key)["Body"].read())
            prefix = listed[0]["prefix"]
            names = [str(name) for name in listed[1:]]
        except (ClientError, BotoCoreError) as error:
            raise _failure(error, uri) from error
        except (ValueError, LookupError, TypeError) as error:
            raise JobFailure(
                f'ClientError: the manifest {uri} is not [{{"prefix": "s3://..."}}, "key", ...]'
            ) from error
        from_bucket, start = split(prefix)
        return [Item(from_bucket, start + name, name, 0) for name in names]

    def fetch(self, item: Item, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            if item.size > SMALL:
                self.client.download_file(item.bucket, item.key, str(file))
                return
            body = self.client.get_object(Bucket=item.bucket, Key=item.key)["Body"]
            with file.open("wb") as target:
                for chunk in body.iter_chunks(CHUNK):
                    target.write(chunk)
        except (ClientError, BotoCoreError) as error:
            raise _failure(error, f"s3://{item.bucket}/{item.key}") from error

    def _send(self, file: Path, bucket: str, key: str) -> None:
        try:
            if file.stat().st_size > SMALL:
                self.client.upload_file(str(file), bucket, key)
            else:
                self.client.put_object(Bucket=bucket, Key=key, Body=file.read_bytes())
        except (ClientError, BotoCoreError) as error:
            raise _failure(error, f"s3://{bucket}/{key}", "Data upload failed") from error

    def _each(self, items: Iterable[T], act: Callable[[T], None]) -> None:
        queue = list(items)
        if len(queue) == 1:
            act(queue[0])
        elif queue:
            with ThreadPoolExecutor(min(TRANSFERS, len(queue)), thread_name_prefix="s3") as pool:
                list(pool.map(act, queue))


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a .tar.gz into the folder, within limits. Nothing is written outside the folder; no devices."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            size = count = 0
            for member in tar:
                size, count = size + member.size, count + 1
                if size > UNPACKED_LIMIT or count > MEMBERS_LIMIT:
                    raise JobFailure(f"ClientError: {archive.name} unpacks to more than this server allows")
                tar.extract(member, folder, filter="data")
            while tar.fileobj and tar.fileobj.read(CHUNK):  # gzip has its checksum at the end
                pass
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        reason = str(error).partition(":\n")[0]  # tarfile adds a line for every format that it tried
        raise JobFailure(f"ClientError: {archive.name} cannot be unpacked: {reason}") from error


def nothing_under(uri: str) -> str:
    """SageMaker's message for an input without objects."""
    return (
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
        "exists in the selected region, that objects exist under that S3 prefix, and that the role has "
        '"s3:ListBucket" permissions on it.'
    )


def _failure(error: ClientError | BotoCoreError, uri: str, what: str = "Data download failed") -> JobFailure:
    if isinstance(error, ClientError):
        known = error.response["Error"]
        return JobFailure(f"ClientError: {what}: {uri}: {known.get('Code')}: {known.get('Message')}")
    return JobFailure(f"InternalServerError: {what}: {uri}: {error}")
