"""S3's objects as files: an object and its metadata are replaced together, and damage is found at the start.

ministack writes `KEY` and `KEY.meta.json`, one after the other, and continues after an error: an acknowledged
object can be lost. Here both are written as `.tmp` first. What a kill leaves is finished at the next start:

    KEY.tmp                  the write had not begun to replace anything: it is removed
    KEY.meta.json.tmp alone  the object is replaced, its metadata is not: it is
    KEY.meta.json.old.tmp    a removal had begun: it is finished
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import re
import stat
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from sagemaker_local.state_folder import sync
from stagewright.local.emulator.patches import replace

META, TEMPORARY, REMOVED = ".meta.json", ".tmp", ".meta.json.old.tmp"
VERSIONS = ".versions"
MD5 = re.compile(r'"?([0-9a-f]{32})"?')
"""The ETag of an object that was not uploaded in parts."""
PROGRESS_OBJECTS = 1_000

log = logging.getLogger(__name__)


class Objects:
    """Writes objects. `sync` writes what was written since the last call to the disk."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3
        self._lock = threading.Lock()
        self._written: set[str] = set()
        replace(s3, "_persist_object", self._persist)
        replace(s3, "_remove_key_files", remove)
        replace(s3, "_read_body", self._read)
        replace(s3, "handle_request", self._with_reason(s3.handle_request))

    def sync(self) -> None:
        with self._lock:
            written, self._written = self._written, set()
        for name in written | {os.path.dirname(name) for name in written}:  # noqa: PTH120 -- many objects
            with suppress(FileNotFoundError):  # removed since
                sync(Path(name))

    def _with_reason(self, handle: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Answer with the system's error. ministack's answer is JSON, which no client of S3 reads."""

        async def handled(*arguments: Any, **keywords: Any) -> Any:
            try:
                return await handle(*arguments, **keywords)
            except OSError as error:
                log.exception("an object could not be stored or read")
                return self._s3._error("InternalError", f"The object's file: {error.strerror}", 500)

        return handled

    def _read(self, bucket: str, key: str, record: dict[str, Any]) -> bytes:
        """Return the content of an object. OSError: it cannot be read, or is not what was written."""
        body: bytes | None = record.get("body")
        if body is None:
            file = Path(self._s3._object_disk_path(bucket, key))
            body = file.read_bytes()
            if len(body) != record.get("size", len(body)):
                raise OSError(errno.EIO, f"{file} has {len(body)} bytes instead of {record['size']}")
        return body

    def _persist(self, bucket: str, key: str, record: dict[str, Any]) -> None:
        """Write an object and its metadata. OSError: neither has changed."""
        file = self._s3._object_disk_path(bucket, key)
        if file is None:
            return
        os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
        history = self._s3._key_history_meta(bucket, key)
        meta = {**self._s3._object_meta_from_record(record), **history, "key": key}
        write(file, record.get("body"), json.dumps(meta).encode())
        record["body"] = None  # ministack reads it from the file
        root = os.path.join(self._s3.DATA_DIR, self._s3.get_account_id(), bucket)  # noqa: PTH118
        remove(self._s3._other_key_disk_path(root, key, file))
        with self._lock:
            self._written |= {file, file + META}


def write(file: str, body: bytes | None, meta: bytes) -> None:
    """Replace an object and its metadata. Without a body, only its metadata."""
    parts = [(file + META, meta)] if body is None else [(file, body), (file + META, meta)]
    try:
        for name, content in parts:
            _write_private(name + TEMPORARY, content)
        for name, _ in parts:
            os.replace(name + TEMPORARY, name)  # noqa: PTH105
    except OSError:
        for name, _ in parts:
            Path(name + TEMPORARY).unlink(missing_ok=True)
        raise


def _write_private(name: str, content: bytes) -> None:
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def remove(file: str | None) -> None:
    """Remove an object and its metadata."""
    if file is None:
        return
    with suppress(FileNotFoundError, NotADirectoryError):  # the path of another key can be a file
        os.replace(file + META, file + REMOVED)  # noqa: PTH105
    for name in (file, file + REMOVED):
        if os.path.isfile(name):  # noqa: PTH113
            os.remove(name)  # noqa: PTH107


def finish_interrupted(folder: Path) -> None:
    """Finish what a kill interrupted. Call it before ministack reads the folder."""
    left = {
        os.path.join(parent, name)  # noqa: PTH118 -- many objects
        for parent, _, names in os.walk(folder)
        for name in names
        if name.endswith(TEMPORARY)
    }
    for name in left:
        target = name.removesuffix(TEMPORARY)
        if name.endswith(REMOVED):
            remove(name.removesuffix(REMOVED))
        elif target.endswith(META) and target.removesuffix(META) + TEMPORARY not in left and _is_json(name):
            os.replace(name, target)  # noqa: PTH105
        else:
            os.remove(name)  # noqa: PTH107


def _is_json(name: str) -> bool:
    try:
        json.loads(Path(name).read_bytes())
    except ValueError:
        return False
    return True


def problems(folder: Path, progress: Callable[[str], None]) -> Iterator[tuple[Path, str]]:
    """Yield each damaged or missing file of an object, and what is wrong with it."""
    for number, (file, bucket) in enumerate(_objects(folder)):
        if number % PROGRESS_OBJECTS == 0:
            progress(f"checks the objects, {number:,} so far")
        try:
            yield from _object_problems(folder, bucket, file)
        except OSError as error:
            yield Path(error.filename or file), f"cannot be read: {error.strerror}"


def _objects(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each object's file, which may be missing, and the folder of its bucket."""
    for bucket in folder.glob("[0-9]*/*/"):
        for parent, _, names in os.walk(bucket):
            for name in sorted({name.removesuffix(META) for name in names if not name.endswith(TEMPORARY)}):
                yield Path(parent, name), bucket


def _object_problems(folder: Path, bucket: Path, file: Path) -> Iterator[tuple[Path, str]]:
    sidecar = file.with_name(file.name + META)
    try:
        meta = json.loads(sidecar.read_bytes())
        versions = [dict(version) for version in meta.get("versions", ())]
        if not meta.get("is_delete_marker"):
            yield from _content_problem(file, meta["size"], str(meta["etag"]), sidecar)
    except FileNotFoundError:
        yield sidecar, "is missing: it has the metadata of an object"
        return
    except (ValueError, TypeError, LookupError, AttributeError):
        yield sidecar, "is damaged: it is not the metadata of an object"
        return
    for version in versions:
        yield from _version_problem(folder, bucket, file, meta, version)


def _version_problem(
    folder: Path, bucket: Path, file: Path, meta: dict[str, Any], version: dict[str, Any]
) -> Iterator[tuple[Path, str]]:
    name = str(version.get("version_id"))
    if version.get("is_delete_marker") or name in ("null", str(meta.get("version_id"))):
        return
    parent = folder / VERSIONS / bucket.parent.name / bucket.name / name
    path = parent / file.relative_to(bucket)
    if not path.exists():
        path = next((other for other in parent.rglob("*") if other.is_file()), path)
    sidecar = file.with_name(file.name + META)
    yield from _content_problem(path, version["size"], str(version.get("etag")), sidecar)


def _content_problem(file: Path, size: int, etag: str, sidecar: Path) -> Iterator[tuple[Path, str]]:
    """Compare a file with its metadata. Its content is read only if it was written after its metadata."""
    try:
        status = os.stat(file)  # noqa: PTH116 -- many objects
    except FileNotFoundError:
        yield file, "is missing"
        return
    if not stat.S_ISREG(status.st_mode):
        yield file, "is not a file"
    elif status.st_size != size:
        yield file, f"is damaged: it has {status.st_size:,} bytes instead of {size:,}"
    elif status.st_mtime_ns > sidecar.stat().st_mtime_ns and (known := MD5.fullmatch(etag)):
        content = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
        if content != known[1]:
            yield file, "is damaged: its content does not match its ETag"


def forget_version(folder: Path, file: Path) -> None:
    """Remove a version, whose file is gone, from the metadata of its object."""
    account, bucket, version, *key = file.relative_to(folder / VERSIONS).parts
    sidecar = folder.joinpath(account, bucket, *key[:-1], key[-1] + META)
    meta = json.loads(sidecar.read_bytes())
    meta["versions"] = [known for known in meta["versions"] if known.get("version_id") != version]
    write(str(sidecar).removesuffix(META), None, json.dumps(meta).encode())
