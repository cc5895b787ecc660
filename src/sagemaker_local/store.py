"""JSON records by (kind, name) in one SQLite file. They survive a restart."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sagemaker_local.errors import ServiceError
from sagemaker_local.state_folder import write_private

Record = dict[str, Any]
"""A resource as JSON. Times are epoch seconds; the protocol converts them for the caller."""

PAGE = """
SELECT name, record FROM records WHERE kind = ? AND name >= ? AND name < ? AND (? = '' OR name > ?)
"""
LAST_CHARACTER = chr(0x10FFFF)
SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, record TEXT NOT NULL,
    UNIQUE (kind, name));
CREATE TABLE IF NOT EXISTS changes (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL);
INSERT OR IGNORE INTO changes VALUES (1, 0);
CREATE TRIGGER IF NOT EXISTS count_insert AFTER INSERT ON records
    BEGIN UPDATE changes SET number = number + 1; END;
CREATE TRIGGER IF NOT EXISTS count_update AFTER UPDATE ON records
    BEGIN UPDATE changes SET number = number + 1; END;
CREATE TRIGGER IF NOT EXISTS count_delete AFTER DELETE ON records
    BEGIN UPDATE changes SET number = number + 1; END;
"""
FORMAT = 1
"""Version of a store's tables, `user_version` of its file. 0 is the same, from before it was numbered."""
COUNT = ".changes"
"""Suffix of the file with the number of acknowledged changes. SQLite ends silently at the first damaged
transaction of its log, and takes an empty file for a new one; this number shows both."""


def problem(file: Path) -> str | None:
    """What is wrong with a store's file. None: nothing, or it is new."""
    try:
        acknowledged = _acknowledged(file)
        if not file.exists():
            return None if acknowledged is None else "is missing"
        if acknowledged and not file.stat().st_size:
            return "is empty"
        with closing(_open(file)) as connection:
            wrong = connection.execute("PRAGMA quick_check").fetchone()[0]
            number = _changes(connection)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValueError:
        return f"cannot be checked, because {file.name}{COUNT} is damaged"
    except sqlite3.DatabaseError as error:
        return f"is damaged: {error}"
    if wrong != "ok":
        return f"is damaged: {wrong}"
    missing = (acknowledged or 0) - number
    return f"is damaged: its last changes ({missing}) are missing" if missing > 0 else None


def require_intact(file: Path) -> None:
    """ServiceError if a store's file is damaged."""
    if wrong := problem(file):
        remedy = f"move {file.name}* away; all records of jobs, models and endpoints are then gone"
        raise ServiceError(f"{file} {wrong}", remedy)


def require_format(file: Path, connection: sqlite3.Connection) -> int:
    """The format of a store. ServiceError if a later version wrote it."""
    number = connection.execute("PRAGMA user_version").fetchone()[0]
    if number > FORMAT:
        message = f"{file} has format {number}; this version of sagemaker_local reads up to {FORMAT}"
        raise ServiceError(message, "install the version that wrote it, or use another state folder")
    return int(number)


def salvage(source: Path, target: Path) -> int:
    """Copy the readable records of a damaged store to a new one, and return their number."""
    count = 0
    with closing(Store(target)) as store, suppress(sqlite3.DatabaseError):
        for kind, name, record in _rows(source):
            with suppress(ValueError, TypeError):
                store.put(kind, name, json.loads(record))
                count += 1
    return count


def copy(source: Path, target: Path) -> None:
    """Replace a store by a copy of another one, which may be in use."""
    for file in target.parent.glob(f"{target.name}*"):
        file.unlink()
    with closing(_open(source)) as connection, closing(sqlite3.connect(target)) as copied:
        connection.backup(copied)
    Store(target).close()


def _rows(source: Path) -> Iterator[tuple[str, str, str]]:
    """Read the records of a store and leave its files as they are."""
    with closing(_open(source)) as connection:
        yield from connection.execute("SELECT kind, name, record FROM records ORDER BY number")


def _open(file: Path) -> sqlite3.Connection:
    """Open a store to read it. Its files do not change."""
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)


def _acknowledged(file: Path) -> int | None:
    """ValueError: the file with the number is damaged."""
    try:
        return int(file.with_name(file.name + COUNT).read_bytes())
    except FileNotFoundError:
        return None


def _changes(connection: sqlite3.Connection) -> int:
    """The number of changes in a store. 0 in the store of an earlier version, which does not count them."""
    try:
        return int(connection.execute("SELECT number FROM changes").fetchone()[0])
    except (sqlite3.OperationalError, TypeError):
        return 0


class Store:
    """Thread-safe: one connection, one writer at a time. ServiceError if the file is damaged.

    `lasting`: each transaction survives a power failure, not only the end of the process.
    """

    def __init__(self, file: Path, lasting: bool = False) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        try:
            number = require_format(file, self._connection)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute(f"PRAGMA synchronous={'FULL' if lasting else 'NORMAL'}")
            self._connection.executescript(SCHEMA)
            if number < FORMAT:
                self._connection.execute(f"PRAGMA user_version={FORMAT}")
        except ServiceError:
            self._connection.close()
            raise
        except sqlite3.DatabaseError as error:
            self._connection.close()
            remedy = "move it away; all records of jobs, models and endpoints are then gone"
            raise ServiceError(f"{file} cannot be used: {error}", remedy) from error
        count = file.with_name(file.name + COUNT)
        if not count.exists():  # whole at once: an empty one would look like damage
            write_private(count, self._number(), lasting=False)
        self._count: int | None = os.open(count, os.O_WRONLY)
        self._acknowledge()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the block as one transaction. An exception rolls it back. Transactions do not nest."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
            self._acknowledge()

    def add(self, kind: str, name: str, record: Record) -> bool:
        """Insert a record. False if the name exists; then nothing is written."""
        statement = "INSERT OR IGNORE INTO records (kind, name, record) VALUES (?, ?, ?)"
        return self._run(statement, kind, name, json.dumps(record)).rowcount == 1

    def put(self, kind: str, name: str, record: Record) -> None:
        statement = (
            "INSERT INTO records (kind, name, record) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, name) DO UPDATE SET record = excluded.record"
        )
        self._run(statement, kind, name, json.dumps(record))

    def get(self, kind: str, name: str) -> Record | None:
        rows = self._read("SELECT record FROM records WHERE kind = ? AND name = ?", kind, name)
        return rows[0] if rows else None

    def all(self, kind: str) -> list[Record]:
        """All records of a kind, oldest first."""
        return self._read("SELECT record FROM records WHERE kind = ? ORDER BY number", kind)

    def page(
        self, kind: str, limit: int, *, prefix: str = "", after: str = "", descending: bool = False
    ) -> list[tuple[str, Record]]:
        """Up to `limit` (name, record) in the order of the names, which start with `prefix`. -1: all of them.

        `after` is the last name of the page before.
        """
        first, last = prefix, prefix + LAST_CHARACTER
        if descending:
            statement = PAGE.replace("name > ?", "name < ?") + "ORDER BY name DESC LIMIT ?"
        else:
            statement = PAGE + "ORDER BY name LIMIT ?"
        with self._lock:
            rows = self._connection.execute(statement, (kind, first, last, after, after, limit)).fetchall()
        return [(name, json.loads(record)) for name, record in rows]

    def kinds(self) -> list[str]:
        with self._lock:
            rows = self._connection.execute("SELECT DISTINCT kind FROM records").fetchall()
        return [row[0] for row in rows]

    def delete(self, kind: str, name: str) -> bool:
        return self._run("DELETE FROM records WHERE kind = ? AND name = ?", kind, name).rowcount == 1

    def checkpoint(self) -> None:
        """Write everything into the main file, so that the file can be copied."""
        self._run("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        with self._lock:
            self._connection.close()
            if self._count is not None:
                os.close(self._count)
            self._count = None

    def _run(self, statement: str, *values: str) -> sqlite3.Cursor:
        with self._lock:
            cursor = self._connection.execute(statement, values)
            if not self._connection.in_transaction:
                self._acknowledge()
            return cursor

    def _acknowledge(self) -> None:
        """Note the number of changes. The first note takes the space, so that later ones need none."""
        if self._count is not None:
            os.pwrite(self._count, self._number().encode(), 0)

    def _number(self) -> str:
        return f"{_changes(self._connection):020}"

    def _read(self, statement: str, *values: str) -> list[Record]:
        with self._lock:
            rows = self._connection.execute(statement, values).fetchall()
        return [json.loads(row[0]) for row in rows]
