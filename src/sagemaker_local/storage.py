"""Copies S3 objects into and out of job folders, with SageMaker's semantics of prefixes and manifests."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from sagemaker_local.errors import JobFailure
from sagemaker_local.regular_file import open_regular
from sagemaker_local.session import s3_config, session
from sagemaker_local.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

TRANSFERS = 8
SMALL = 8 << 20
CHUNK = 1 << 20
NAME_BYTES = 255
"""The longest name of a file or folder (Linux, and S3ModelDataSource in the API reference)."""
KEY_BYTES = 1024
"""The longest key of an object (Amazon S3 user guide, "Naming Amazon S3 objects")."""
DOWNLOAD, UPLOAD = "Data download failed", "Data upload failed"
UNUSABLE = (ClientError, BotoCoreError, Boto3Error, OSError)
"""What a transfer raises. An OSError is about the file: the disk is full, or a job removed it."""
HTTPS = re.compile(
    r"https://(?:(?P<bucket>[^/]+)\.)?s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?/(?P<path>.*)", re.DOTALL
)
"""Virtual-hosted and path-style addresses (Amazon S3 user guide, "Methods for accessing a general purpose
bucket"). SageMaker takes them where it takes S3 URIs: the pattern of S3Uri and ModelDataUrl is
`(https|s3)://([^/]+)/?(.*)`."""
NOT_FOUND = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}


@dataclass(frozen=True)
class Item:
    """One object to download. `path` is relative to the target folder."""

    bucket: str
    key: str
    path: str
    size: int

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def below(self, root: Path) -> Path:
        """The target file. JobFailure if a part of the object's key cannot be the name of a file."""
        for part in self.path.split("/"):
            if part in (".", ".."):
                raise _unusable_key(self, f"{part!r} is not the name of a file")
            if "\0" in part or len(part.encode()) > NAME_BYTES:
                raise _unusable_key(self, f"a file's name has at most {NAME_BYTES} bytes, and no null byte")
        return root / self.path.strip("/")


@dataclass(frozen=True)
class Shard:
    """Every `count`th object from `number` on: "approximately 1/n of the objects" (API, S3DataSource)."""

    number: int
    count: int


WHOLE = Shard(0, 1)


def is_s3(uri: str) -> bool:
    """Whether a text is an S3 URI, or the https address of an object or folder."""
    return uri.startswith("s3://") or HTTPS.match(uri) is not None


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI or https address. JobFailure if it is neither."""
    if match := HTTPS.match(uri):
        own = match["bucket"]
        uri = f"s3://{own}/{match['path']}" if own else f"s3://{match['path']}"
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
        try:
            bucket, key = split(uri)
            return self.client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("KeyCount", 0) > 0
        except (ParamValidationError, JobFailure):  # the URI names no bucket
            return False
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
        self._each(items, lambda item: self.fetch(item, item.below(folder)))
        return len(items)

    def items(self, uri: str, data_type: str) -> list[Item]:
        """The objects of a prefix or a manifest, without folder markers, whose keys end with a slash.

        JobFailure: there are none, or they cannot be files of one folder.
        """
        named = self._manifest(uri) if data_type == "ManifestFile" else self._prefix(uri)
        items = [item for item in named if not item.key.endswith("/")]
        if not items:
            raise JobFailure(f"ClientError: {DOWNLOAD}: {nothing_under(uri)}")
        check_names(items)
        return items

    def download_file(self, uri: str, file: Path) -> None:
        bucket, key = split(uri)
        self.fetch(Item(bucket, key, file.name, 0), file)

    def upload_bytes(self, body: bytes, uri: str) -> None:
        bucket, key = split(uri)
        try:
            self.client.put_object(Bucket=bucket, Key=key, Body=body)
        except UNUSABLE as error:
            raise _failure(error, uri, UPLOAD) from error

    def upload_files(self, entries: Mapping[str, Path], uri: str) -> int:
        """Upload the files of `entries` (relative path -> file or folder). Returns their number."""
        bucket, key = split(uri)
        prefix = key.rstrip("/") + "/" if key else ""
        files = {_key(prefix + name): file for name, file in entries.items() if not file.is_dir()}
        self._each(files.items(), lambda item: self._send(item[1], bucket, item[0]))
        return len(files)

    def upload_archive(self, entries: Mapping[str, Path], archive: Path, uri: str) -> None:
        """Upload files and folders (relative path -> file or folder) as a .tar.gz. `archive` is temporary.

        The archive has contents, never links: SageMaker may not extract a model that has links (AWS
        knowledge center, "sagemaker-endpoint-creation-fail").
        """
        try:
            with tarfile.open(archive, "w:gz", compresslevel=1, dereference=True) as tar:
                for name, file in entries.items():
                    _add(tar, name, file)
            self._send(archive, *split(uri))
        except OSError as error:
            raise _failure(error, uri, UPLOAD) from error
        finally:
            archive.unlink(missing_ok=True)

    def _prefix(self, uri: str) -> list[Item]:
        """Every object whose key starts with the prefix (API reference, S3DataSource)."""
        bucket, prefix = split(uri)
        cut = prefix.rfind("/") + 1
        items = []
        try:
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for entry in page.get("Contents", ()):
                    key = entry["Key"]
                    below = key.startswith(prefix + "/")
                    path = key[len(prefix) + 1 :] if below else key[cut:]
                    items.append(Item(bucket, key, path, entry["Size"]))
        except UNUSABLE as error:
            raise _failure(error, uri) from error
        return items

    def _manifest(self, uri: str) -> list[Item]:
        """The objects of a manifest: `[{"prefix": "s3://bucket/folder/"}, "a.csv", ...]` (API reference,
        S3DataSource, S3DataType)."""
        bucket, key = split(uri)
        try:
            listed = json.loads(self.client.get_object(Bucket=bucket, Key=key)["Body"].read())
            prefix = str(listed[0]["prefix"])
            names = [str(name) for name in listed[1:]]
        except UNUSABLE as error:
            raise _failure(error, uri) from error
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise JobFailure(
                f'ClientError: the manifest {uri} is not [{{"prefix": "s3://..."}}, "key", ...]'
            ) from error
        from_bucket, start = split(prefix)
        return [Item(from_bucket, start + name, name, 0) for name in names]

    def fetch(self, item: Item, file: Path) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            if item.size > SMALL:
                self.client.download_file(item.bucket, item.key, str(file))
                return
            body = self.client.get_object(Bucket=item.bucket, Key=item.key)["Body"]
            with file.open("wb") as target:
                for chunk in body.iter_chunks(CHUNK):
                    target.write(chunk)
        except UNUSABLE as error:
            raise _failure(error, item.uri) from error

    def _send(self, file: Path, bucket: str, key: str) -> None:
        try:
            with open_regular(file) as opened:
                if file.stat().st_size > SMALL:
                    self.client.upload_fileobj(opened, bucket, key)
                else:
                    self.client.put_object(Bucket=bucket, Key=key, Body=opened.read())
        except UNUSABLE as error:
            raise _failure(error, f"s3://{bucket}/{key}", UPLOAD) from error

    def _each(self, items: Iterable[T], act: Callable[[T], None]) -> None:
        queue = list(items)
        if len(queue) == 1:
            act(queue[0])
        elif queue:
            with ThreadPoolExecutor(min(TRANSFERS, len(queue)), thread_name_prefix="s3") as pool:
                list(pool.map(act, queue))


def nothing_under(uri: str) -> str:
    """SageMaker's message for an input without objects."""
    return (
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
        "exists in the selected region, that objects exist under that S3 prefix, and that the role has "
        '"s3:ListBucket" permissions on it.'
    )


def check_names(items: list[Item]) -> None:
    """JobFailure if a key cannot be a file, or if two keys would be the same file, or a file and its folder.

    SageMaker rejects such names for models ("Ambiguous file names", S3ModelDataSource, API reference).
    """
    root = Path()
    keys: dict[Path, Item] = {}
    for item in items:
        other = keys.setdefault(item.below(root), item)
        if other.uri != item.uri:
            raise _clash(other, item)
    for path, item in keys.items():
        for parent in path.parents:
            if parent in keys:
                raise _clash(keys[parent], item)


def _clash(first: Item, second: Item) -> JobFailure:
    return JobFailure(
        f"ClientError: {DOWNLOAD}: {first.uri} and {second.uri} cannot both be files of one folder: "
        "rename or delete one of these objects, or use a prefix that selects only one"
    )


def _unusable_key(item: Item, reason: str) -> JobFailure:
    return JobFailure(f"ClientError: {DOWNLOAD}: {item.uri!r} cannot be a file: {reason}; rename the object")


def _key(key: str) -> str:
    """The key of an object. JobFailure if S3 would reject it."""
    encoded = key.encode("utf-8", "surrogateescape")
    try:
        encoded.decode()
    except UnicodeDecodeError:
        message = f"the name of {encoded!r} is not UTF-8, and S3 keys are; rename the file"
        raise JobFailure(f"ClientError: {UPLOAD}: {message}") from None
    if len(encoded) > KEY_BYTES:
        message = f"{key} has {len(encoded)} bytes; the limit of S3 is {KEY_BYTES}"
        raise JobFailure(f"ClientError: {UPLOAD}: {message}")
    return key


def _add(tar: tarfile.TarFile, name: str, file: Path) -> None:
    """Add a file or an empty folder that belongs to root, as the files of a container do."""
    if file.is_dir():
        member = tar.gettarinfo(file, name)
        tar.addfile(_owned_by_root(member))
        return
    with open_regular(file) as opened:
        member = tar.gettarinfo(arcname=name, fileobj=opened)
        tar.addfile(_owned_by_root(member), opened)


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def _failure(error: Exception, uri: str, what: str = DOWNLOAD) -> JobFailure:
    """The reason of a failed transfer. Names the object, and no path of this machine."""
    match error:
        case ClientError():
            known = error.response["Error"]
            return JobFailure(f"ClientError: {what}: {uri}: {known.get('Code')}: {known.get('Message')}")
        case ParamValidationError():
            problem = str(error).partition(": ")[2].replace("\n", " ")
            return JobFailure(f"ClientError: {what}: {uri} is not a valid S3 location: {problem}")
        case OSError():
            return JobFailure(f"ClientError: {what}: {uri}: {error.strerror or type(error).__name__}")
    return JobFailure(f"InternalServerError: {what}: {uri}: {error}")
