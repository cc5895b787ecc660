"""JSON records by (kind, name) in one SQLite file. They survive a restart."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sagemaker_local.errors import ServiceError

Record = dict[str, Any]
"""A resource as JSON. Times are epoch seconds; the protocol converts them for the caller."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, record TEXT NOT NULL,
    UNIQUE (kind, name))
"""


class Store:
    """Thread-safe: one connection, one writer at a time. ServiceError if the file is not a database."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        try:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.execute(SCHEMA)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            remedy = "remove it; all records of jobs, models and endpoints are lost"
            raise ServiceError(f"{file} cannot be used: {error}", remedy) from error

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

    def delete(self, kind: str, name: str) -> bool:
        return self._run("DELETE FROM records WHERE kind = ? AND name = ?", kind, name).rowcount == 1

    def checkpoint(self) -> None:
        """Write everything into the main file, so that the file can be copied."""
        self._run("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _run(self, statement: str, *values: str) -> sqlite3.Cursor:
        with self._lock:
            return self._connection.execute(statement, values)

    def _read(self, statement: str, *values: str) -> list[Record]:
        with self._lock:
            rows = self._connection.execute(statement, values).fetchall()
        return [json.loads(row[0]) for row in rows]
