"""Each file of a state folder is damaged in turn: nothing starts, nothing is lost, `repair` helps."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.local.clients import connect

from sagemaker_local.state_folder import Server, write_private
from sagemaker_local.store import Store
from stagewright.errors import TargetError
from stagewright.local import integrity
from stagewright.local import server as local
from stagewright.local.emulator import objects
from stagewright.local.emulator.journal import Journal
from stagewright.local.state import INSTALLATION, State

SERVICES = (
    "apigateway", "apigateway_v1", "cloudwatch", "cloudwatch_logs", "dynamodb", "eventbridge", "iam",
    "kinesis", "lambda", "lambda_durable", "s3", "scheduler", "sns", "sqs", "stepfunctions", "sts",
)  # fmt: skip
BUCKET = f"objects/000000000000/{INSTALLATION.bucket}"
FILES = (
    "identity.json",
    "state.json",
    *(f"aws/{service}.json" for service in SERVICES),
    "aws/journal-*.jsonl",
    "aws/journal-*.size",
    "aws/lambda-blobs/*.zip",
    "aws/items.sqlite",
    "aws/items.sqlite.changes",
    "sagemaker/sagemaker.sqlite",
    "sagemaker/sagemaker.sqlite.changes",
    "glue/glue.sqlite",
    "logs/streams.sqlite",
    f"{BUCKET}/a/b",
    f"{BUCKET}/a/b.meta.json",
    f"{BUCKET}/a/gone.meta.json",
    f"objects/.versions/000000000000/{INSTALLATION.bucket}/*/a/b",
)
OTHERS = (
    ".gitignore", "aws/executions.sqlite*", "aws/items.sqlite-*", "aws/previous/*", "commands.lock", "empty",
    "glue/glue.sqlite-*", "glue/glue.sqlite.changes", "logs/*", "logs/*/*", "objects/*/*/*/*", "persistent",
    "provisioned", "sagemaker/sagemaker.sqlite-*",
    "server.json", "server.lock", "server.log", "tmp/*", "up.lock", "users.lock",
)  # fmt: skip
"""Files that are made anew, that a repair alone reads, or that stand for others of the same kind."""
RECORD = {"run": {"S": "run"}, "item": {"S": "item"}, "open": {"S": "no"}}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """The state folder of a server that was killed: with a journal, and with records in SQLite's log."""
    folder = tmp_path_factory.mktemp("killed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAGEWRIGHT_CACHE", str(cache))
        server = local.up(folder)
    use(server)
    assert local.down(folder) == local.Stopped()
    while not journaled(folder):  # a snapshot just before the kill empties the journal
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STAGEWRIGHT_CACHE", str(cache))
            server = local.up(folder)
        use(server)
        os.killpg(server.pid, signal.SIGKILL)
        os.waitpid(server.pid, 0)
    return folder


def journaled(folder: Path) -> int:
    """Bytes of the changes that no snapshot has."""
    return sum(file.stat().st_size for file in folder.glob("aws/journal-*.jsonl"))


def use(server: Server) -> None:
    with closing(connect(server, "s3")) as s3:
        for key, body in (
            ("a/b", b"first version"),
            ("a/b", b"second"),
            ("a/gone", b"x"),
            ("it's/ü%", b"odd"),
        ):
            s3.put_object(Bucket=INSTALLATION.bucket, Key=key, Body=body)
        s3.delete_object(Bucket=INSTALLATION.bucket, Key="a/gone")
    with closing(connect(server, "sagemaker")) as sagemaker:
        groups = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
        sagemaker.create_model_package_group(ModelPackageGroupName=f"prices-{len(groups)}")
    with closing(connect(server, "dynamodb")) as tables:
        for number in range(20):
            item = {**RECORD, "item": {"S": f"item-{number}"}}
            tables.put_item(TableName=INSTALLATION.runs_table, Item=item)


@pytest.fixture
def state(killed: Path, tmp_path: Path) -> State:
    shutil.copytree(killed, tmp_path / "state", symlinks=True, ignore=shutil.ignore_patterns("tmp", "*.sock"))
    return State(tmp_path / "state")


def half(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def zero(file: Path) -> None:
    os.truncate(file, 0)


def garbage(file: Path) -> None:
    """Of the same size, with the same beginning as far as there is one."""
    size = file.stat().st_size
    file.write_bytes(os.urandom(size))


def other_shape(file: Path) -> None:
    file.write_text('{"payload": []}\n')


def directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def missing(file: Path) -> None:
    file.unlink()


DAMAGES = (half, zero, garbage, other_shape, directory, missing)
HARMLESS = {
    ("identity.json", "missing"),  # a new key is made
    ("state.json", "missing"),  # as in a folder of an earlier version
    ("sagemaker/sagemaker.sqlite.changes", "missing"),
    ("aws/items.sqlite.changes", "missing"),
    ("aws/lambda-blobs/*.zip", "missing"),
    ("sagemaker/sagemaker.sqlite.changes", "half"),  # a smaller number of acknowledged changes
    ("aws/items.sqlite.changes", "half"),
}


def one(state: State, pattern: str) -> Path:
    """The largest file that the pattern names."""
    return max(state.root.glob(pattern), key=lambda file: file.stat().st_size)


def checkpoint(file: Path) -> None:
    """Empty SQLite's log, which can restore the pages of a damaged file."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@pytest.mark.slow
def test_every_file_of_the_folder_is_tried(killed: Path) -> None:
    known = {file for pattern in (*FILES, *OTHERS) for file in killed.glob(pattern)}
    known |= {file for folder in list(known) if folder.is_dir() for file in folder.rglob("*")}
    assert {str(file.relative_to(killed)) for file in killed.rglob("*") if file.is_file()} <= {
        str(file.relative_to(killed)) for file in known
    }


@pytest.mark.slow
def test_files_of_a_killed_server_are_intact(state: State) -> None:
    before = snapshot(state)
    assert integrity.check(state) == []
    assert {file: content for file, content in snapshot(state).items() if file.suffix != ".sqlite-shm"} == {
        file: content for file, content in before.items() if file.suffix != ".sqlite-shm"
    }


TRIED = [(file, damage) for file in FILES for damage in DAMAGES if (file, damage.__name__) not in HARMLESS]


@pytest.mark.parametrize(("pattern", "damage"), TRIED, ids=lambda part: getattr(part, "__name__", part))
def test_damaged_file_is_named_kept_and_repaired(
    state: State, pattern: str, damage: Callable[[Path], None]
) -> None:
    file = one(state, pattern)
    named = file.with_suffix(".jsonl") if file.suffix == ".size" else file
    named = named.with_name(named.name.removesuffix(".changes"))
    if file.suffix == ".sqlite":
        checkpoint(file)
    damage(file)
    before = file.read_bytes() if file.is_file() else None
    with pytest.raises(TargetError, match="state directory is damaged") as caught:
        integrity.require_intact(state)
    assert str(named) in caught.value.message
    assert "stagewright doctor --repair" in caught.value.remedy
    assert (file.read_bytes() if file.is_file() else None) == before
    done = integrity.repair(state)
    assert any(str(named) in line for line in done)
    integrity.require_intact(state)
    if before is not None:
        kept = [path.read_bytes() for path in (state.root / "damaged").rglob(file.name) if path.is_file()]
        assert before in kept


@pytest.mark.parametrize("pattern", [file for file in FILES if file.startswith("aws/") and ".json" in file])
def test_unreadable_file_is_named(state: State, pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mode 000 keeps no root out, so the system's answer is injected."""
    file, read = one(state, pattern), Path.read_bytes

    def denied(path: Path) -> bytes:
        if path == file:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(TargetError, match=rf"{file.name} cannot be read: Permission denied"):
        integrity.require_intact(state)


@pytest.mark.parametrize(
    "name", ["users.lock", "up.lock", "server.lock", "server.json", "provisioned", "aws"]
)
def test_what_is_in_the_way_of_a_file_is_moved(state: State, name: str) -> None:
    path = state.root / name
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.write_text("") if name == "aws" else path.mkdir()
    with pytest.raises(TargetError, match=rf"{name} is not a (file|folder)"):
        integrity.require_intact(state)
    assert local.repair(state.root)
    integrity.require_intact(state)
    assert next((state.root / "damaged").glob(f"*/{name}")).exists()


@pytest.mark.parametrize("name", ["up.lock", "users.lock", "server.lock", "persistent", "runners"])
def test_start_names_what_is_in_the_way(state: State, name: str) -> None:
    path = state.root / name
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.write_text("") if name == "runners" else path.mkdir()
    with pytest.raises(TargetError, match=name), local.temporary(state.root):
        pass
    assert local.repair(state.root)
    assert integrity.check(state) == []


@pytest.mark.slow
def test_damaged_snapshot_in_the_cache_is_not_used(
    tmp_path: Path, killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    digest = (killed / "provisioned").read_text()
    monkeypatch.setenv("STAGEWRIGHT_CACHE", str(cache))
    for name in ("objects", "aws", "glue"):
        (cache / "installations" / digest / name).mkdir(parents=True)
    (cache / "installations" / digest / "aws/dynamodb.json").write_text("{")
    server = local.up(tmp_path / "state")
    with closing(connect(server, "dynamodb")) as tables:
        assert INSTALLATION.runs_table in tables.list_tables()["TableNames"]
    kept = {file.name for file in (cache / "installations" / digest).rglob("*")}
    assert "dynamodb.json" in kept
    assert not [name for name in kept if name.startswith(("journal", "previous"))]
    assert local.down(tmp_path / "state") == local.Stopped()


def test_lost_changes_of_sqlites_log_are_noticed(state: State) -> None:
    log = state.root / "sagemaker/sagemaker.sqlite-wal"
    assert log.stat().st_size
    half(log)
    with pytest.raises(
        TargetError, match=r"sagemaker\.sqlite is damaged: its last changes \(\d+\) are missing"
    ):
        integrity.require_intact(state)


def test_repaired_store_keeps_its_readable_records(state: State) -> None:
    file = state.root / "sagemaker/sagemaker.sqlite"
    (state.root / "sagemaker/sagemaker.sqlite.changes").write_text("999")
    (line,) = integrity.repair(state)
    assert "readable records are kept" in line
    with closing(Store(file)) as store:
        assert [group["ModelPackageGroupName"] for group in store.all("model-package-group")] == [
            "prices-0",
            "prices-1",
        ]


def test_repaired_journal_keeps_its_readable_changes(state: State) -> None:
    file = one(state, "aws/journal-*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:3], b"garbage\n", *lines[4:]]))
    (line,) = integrity.repair(state)
    assert f"its {len(lines) - 1} readable changes are kept" in line
    assert len(list(Journal(state.services).changes())) >= len(lines) - 1


def test_cut_change_that_was_never_acknowledged_is_no_damage(state: State) -> None:
    file = one(state, "aws/journal-*.jsonl")
    with file.open("ab") as stream:
        stream.write(b'["item","arn:aws')
    assert integrity.check(state) == []


@pytest.mark.slow
def test_damaged_service_file_is_restored_with_every_change(
    state: State, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One real start for several damaged files."""
    monkeypatch.setenv("STAGEWRIGHT_CACHE", str(cache))
    half(state.services / "dynamodb.json")
    zero(state.services / "s3.json")
    garbage(state.services / "lambda.json")
    checkpoint(state.services / "items.sqlite")
    half(state.services / "items.sqlite")
    with pytest.raises(TargetError, match=r"dynamodb\.json is damaged"):
        local.up(state.root)
    done = local.repair(state.root)
    assert sum("restored from the last snapshot and the journal" in line for line in done) == 4
    server = local.up(state.root)
    try:
        with closing(connect(server, "dynamodb")) as tables:
            query = {
                "KeyConditionExpression": "run = :run",
                "ExpressionAttributeValues": {":run": RECORD["run"]},
            }
            found = tables.query(TableName=INSTALLATION.runs_table, **query)["Items"]
            assert {item["item"]["S"] for item in found} == {f"item-{number}" for number in range(20)}
        with closing(connect(server, "s3")) as s3:
            assert s3.get_object(Bucket=INSTALLATION.bucket, Key="a/b")["Body"].read() == b"second"
            assert s3.get_bucket_versioning(Bucket=INSTALLATION.bucket)["Status"] == "Enabled"
    finally:
        local.down(state.root)


@pytest.mark.slow
@pytest.mark.parametrize("service", ["dynamodb", "lambda", "stepfunctions", "sqs", "eventbridge"])
def test_state_without_any_copy_of_a_file_starts_after_the_repair(
    state: State, cache: Path, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    monkeypatch.setenv("STAGEWRIGHT_CACHE", str(cache))
    shutil.rmtree(state.services / "previous")
    half(state.services / f"{service}.json")
    (line,) = local.repair(state.root)
    assert "no whole copy exists" in line
    server = local.up(state.root)
    try:
        with closing(connect(server, "dynamodb")) as tables:
            key = {"run": RECORD["run"], "item": {"S": "item-7"}}
            assert "Item" in tables.get_item(TableName=INSTALLATION.runs_table, Key=key)
        with closing(connect(server, "lambda")) as functions:
            assert len(functions.list_functions()["Functions"]) >= 3
    finally:
        assert local.down(state.root) == local.Stopped()


@pytest.mark.parametrize("version", ["9.0.0", None])
def test_state_of_a_newer_version_is_refused(state: State, version: str | None) -> None:
    content = json.loads(state.record.read_text())
    newer = {**content, "format": integrity.FORMAT + 1, "version": version}
    state.record.write_text(json.dumps(newer if version else {k: v for k, v in newer.items() if v}))
    before = snapshot(state)
    for refuse in (lambda: integrity.require_intact(state), lambda: local.repair(state.root)):
        with pytest.raises(TargetError, match=f"written by Stagewright .*in format {integrity.FORMAT + 1}"):
            refuse()
    assert snapshot(state) == before


def snapshot(state: State) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in state.root.rglob("*") if file.is_file()}


def test_state_without_a_format_is_migrated(state: State) -> None:
    """As an earlier version wrote it: no record, no checksums, no sizes."""
    state.record.unlink()
    for file in state.services.glob("*.json"):
        content = json.loads(file.read_bytes())
        del content["sha256"]
        file.write_text(json.dumps(content))
    for pattern in ("aws/*.size", "*/*.changes"):
        for file in state.root.glob(pattern):
            file.unlink()
    integrity.require_intact(state)
    half(state.services / "dynamodb.json")
    with pytest.raises(TargetError, match=r"dynamodb\.json is damaged"):
        integrity.require_intact(state)


def test_moved_and_copied_folders_are_intact(state: State, tmp_path: Path) -> None:
    state.root.rename(tmp_path / "moved")
    shutil.copytree(tmp_path / "moved", tmp_path / "copied")
    for name in ("moved", "copied"):
        assert integrity.check(State(tmp_path / name)) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("call", ["open", "fsync"])
def test_failed_write_keeps_the_earlier_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, call: str
) -> None:
    file = tmp_path / "file"
    write_private(file, "earlier")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match=os.strerror(number)):
        write_private(file, "new")
    monkeypatch.undo()
    assert file.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [file]


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    file = tmp_path / "object"
    objects.write(str(file), b"earlier", b'{"size": 7}')
    return file


@pytest.mark.parametrize("step", range(4))
def test_killed_write_of_an_object_leaves_it_whole(
    stored: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Steps: object written, metadata written, object replaced, metadata replaced."""
    steps = iter(range(10))

    class Killed(BaseException):
        pass

    def counted(act: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: object) -> None:
            act(*arguments)
            if next(steps) == step:
                raise Killed

        return call

    monkeypatch.setattr(objects, "_write_private", counted(objects._write_private))
    monkeypatch.setattr(objects.os, "replace", counted(os.replace))
    with pytest.raises(Killed):
        objects.write(str(stored), b"new one", b'{"size": 8}')
    monkeypatch.undo()
    objects.finish_interrupted(stored.parent)
    meta = stored.with_name("object.meta.json").read_bytes()
    assert (stored.read_bytes(), meta) == (
        (b"new one", b'{"size": 8}') if step >= 2 else (b"earlier", b'{"size": 7}')
    )
    assert len(list(stored.parent.iterdir())) == 2


def test_write_that_a_kill_interrupted_is_no_damage(state: State) -> None:
    file = state.root / BUCKET / "a/b"
    meta = file.with_name("b.meta.json")
    content = json.loads(meta.read_bytes()) | {"size": 9, "etag": '"not-checked"'}
    file.write_bytes(b"replaced!")
    meta.with_name("b.meta.json.tmp").write_text(json.dumps(content))
    assert local.damages(state.root) == []
    assert json.loads(meta.read_bytes()) == content


def test_killed_removal_of_an_object_is_finished(stored: Path) -> None:
    stored.with_name("object.meta.json").rename(stored.with_name(f"object{objects.REMOVED}"))
    objects.finish_interrupted(stored.parent)
    assert list(stored.parent.iterdir()) == []


def test_full_disk_refuses_an_object_and_keeps_the_earlier_one(
    stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(objects.os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        objects.write(str(stored), b"new one", b"{}")
    assert stored.read_bytes() == b"earlier"
    assert len(list(stored.parent.iterdir())) == 2


def test_full_disk_refuses_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path)
    journal.begin()
    journal.write("item", "kept")

    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail)
        with pytest.raises(OSError, match="No space left"):
            journal.write("item", "lost")
    journal.write("item", "kept, too")
    assert list(journal.changes()) == [["item", "kept"], ["item", "kept, too"]]
