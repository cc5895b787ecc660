"""Fetch what a stage made: files are complete when they appear, and replace nothing unless asked.

The names come from S3 keys and archives. They are checked: nothing is written outside the folder, and nothing
through a link that is in it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from stagewright.errors import NotFoundError, TargetError
from stagewright.parallel import run_parallel

if TYPE_CHECKING:
    from stagewright.gateway import Gateway
    from stagewright.runs.history.records import StageRecord

EVERYTHING = "."
"""The output name for all that a stage made."""
ARCHIVE = ".tar.gz"
NAMED = 5
"""The most files that an error names."""


@dataclass(frozen=True)
class Remote:
    """An object and its path below the folder."""

    bucket: str
    key: str
    size: int
    path: PurePosixPath

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def download(
    gateway: Gateway,
    stage: StageRecord,
    run: str,
    output: str,
    folder: Path,
    *,
    unpack: bool = False,
    overwrite: bool = False,
) -> list[Path]:
    """Fetch an output into `folder / output`, a model into `folder`. Returns the new files, sorted.

    `output`: an output, `model`, `output/path` for a part of it, or `EVERYTHING`. `unpack`: each .tar.gz
    becomes a folder. NotFoundError: there is no such output, or it is empty. TargetError: a file exists and
    `overwrite` is not set, or a name is not safe. Then nothing was written.
    """
    remotes = list(_remotes(gateway, stage, run, output))
    _require_distinct(remotes)
    if not unpack:
        _require_free(folder, [remote.path for remote in remotes], overwrite)
    with _created(folder), tempfile.TemporaryDirectory(dir=folder, prefix=".stagewright-") as name:
        _require_space(folder, remotes)
        fetched = Path(name)
        run_parallel(lambda remote: _fetch(gateway, remote, fetched), remotes)
        if unpack:
            _unpack(fetched)
        return _place(fetched, folder, overwrite)


@contextmanager
def _created(folder: Path) -> Iterator[None]:
    """Create the folder, and remove it if nothing was written there. TargetError: it cannot be written."""
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        subject = error.filename2 or error.filename or folder
        raise TargetError(f"{subject}: {error.strerror}", "choose another folder") from error
    finally:
        if is_new:
            with suppress(OSError):  # it has files, or was never created
                folder.rmdir()


def locations(stage: StageRecord) -> Mapping[str, str]:
    """Output -> S3 URI of what a stage made. A model is named `model`."""
    outputs = dict(stage.result.get("outputs") or {})
    if stage.result.get("model"):
        outputs.setdefault("model", stage.result["model"])
    return {name: str(uri) for name, uri in outputs.items() if str(uri).startswith("s3://")}


def _remotes(gateway: Gateway, stage: StageRecord, run: str, output: str) -> Iterator[Remote]:
    known = locations(stage)
    if not known:
        raise NotFoundError(
            f"stage {stage.name} of {run} has no outputs: {stage.status}", f"stagewright show {run}"
        )
    name, _, part = output.strip("/").partition("/")
    chosen = known if output == EVERYTHING else {name: known[name]} if name in known else {}
    if not chosen:
        from stagewright.syntax.findings import nearest

        raise NotFoundError(
            f"stage {stage.name} of {run} has no output {name}", nearest(name, known, "outputs")
        )
    found = [remote for name, uri in chosen.items() for remote in _objects(gateway, name, uri, part)]
    if not found:
        where = ", ".join(f"{uri.rstrip('/')}/{part}".rstrip("/") for uri in chosen.values())
        raise NotFoundError(f"{output} of stage {stage.name} of {run} is empty", f"see {where}")
    yield from found


def _objects(gateway: Gateway, output: str, uri: str, part: str) -> Iterator[Remote]:
    """The objects of one output, without folder markers."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    prefix = prefix.rstrip("/")
    for listed in gateway.objects.list(prefix, bucket):
        if listed.key.endswith("/") and not listed.size:
            continue
        if listed.key == prefix:
            path = PurePosixPath(listed.key).name
        elif listed.key.startswith(f"{prefix}/"):
            path = listed.key.removeprefix(f"{prefix}/")
            if part and path != part and not path.startswith(f"{part}/"):
                continue
            path = f"{output}/{path}"
        else:  # another output, whose name begins with this one
            continue
        yield Remote(bucket, listed.key, listed.size, _safe(path, f"s3://{bucket}/{listed.key}"))


def _safe(path: str, uri: str) -> PurePosixPath:
    """The path of an object below the folder. TargetError: it would lead elsewhere."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise TargetError(
            f"{uri}: its key is no path of a file", "copy it with the AWS CLI to a name of yours"
        )
    return PurePosixPath(*parts)


def _require_distinct(remotes: Sequence[Remote]) -> None:
    """TargetError: a key is also the folder of another one. S3 has both, a disk cannot."""
    files = {remote.path: remote for remote in remotes}
    for remote in remotes:
        for parent in remote.path.parents:
            if parent in files:
                message = f"{files[parent].uri} is also the folder of {remote.uri}"
                raise TargetError(message, "get one of them: OUTPUT/PATH")


def _require_free(folder: Path, paths: Sequence[PurePosixPath], overwrite: bool) -> None:
    """TargetError: a path exists, or leads through a link or a file."""
    for path in paths:
        for parent in [folder / part for part in path.parents if part.name]:
            if parent.is_symlink() or (parent.exists() and not parent.is_dir()):
                raise TargetError(f"{parent} is not a folder", "choose another folder")
    taken = [folder / path for path in paths if (folder / path).is_symlink() or (folder / path).exists()]
    folders = [path for path in taken if path.is_dir() and not path.is_symlink()]
    if folders:
        raise TargetError(
            f"{folders[0]} is a folder, and a file is to be written there", "choose another folder"
        )
    if taken and not overwrite:
        more = f" and {len(taken) - NAMED} more" if len(taken) > NAMED else ""
        named = ", ".join(map(str, taken[:NAMED]))
        raise TargetError(f"{named}{more} exist already", "choose another folder, or add --overwrite")


def _require_space(folder: Path, remotes: Sequence[Remote]) -> None:
    needed, free = sum(remote.size for remote in remotes), shutil.disk_usage(folder).free
    if needed > free:
        message = f"{folder} has {free / 1e9:.1f} GB free; the files have {needed / 1e9:.1f} GB"
        raise TargetError(message, "choose a folder on another disk")


def _fetch(gateway: Gateway, remote: Remote, folder: Path) -> None:
    path = folder / remote.path
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.touch(exist_ok=False)
    except FileExistsError:  # on a disk that ignores case
        message = f"{remote.uri}: another file has the same name on this disk"
        raise TargetError(message, "get one of them: OUTPUT/PATH") from None
    gateway.objects.download(remote.key, path, remote.bucket)


def _unpack(folder: Path) -> None:
    """Replace each archive by a folder of its name. The filter of tarfile refuses links that lead out."""
    from sagemaker_local import archive
    from sagemaker_local.errors import JobFailure

    for path in sorted(file for file in folder.rglob(f"*{ARCHIVE}") if file.is_file()):
        target = path.with_name(path.name.removesuffix(ARCHIVE))
        if target.exists():
            message = f"{path.name} cannot be unpacked: there is also {target.name}"
            raise TargetError(message, "get it without --unpack")
        packed = path.rename(path.with_name(f"{path.name}.packed"))
        try:
            archive.unpack(packed, target, path.name)
        except JobFailure as error:
            raise TargetError(str(error).removeprefix("ClientError: "), "get it without --unpack") from error
        packed.unlink()


def _place(fetched: Path, folder: Path, overwrite: bool) -> list[Path]:
    """Move the files to their places, which are free or may be overwritten."""
    files = sorted(path for path in fetched.rglob("*") if path.is_symlink() or not path.is_dir())
    paths = [PurePosixPath(path.relative_to(fetched)) for path in files]
    _require_free(folder, paths, overwrite)
    for file, path in zip(files, paths, strict=True):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        file.replace(folder / path)
    return [folder / path for path in paths]
