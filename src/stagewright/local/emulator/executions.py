"""Executions that have ended are in a SQLite file, not in ministack's memory and not in its snapshots.

An execution with its history takes about 50 KB. ministack keeps all of them in memory, and copies them into
each snapshot.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sagemaker_local.store import Store

FILE = "executions.sqlite"
FULL, SUMMARY = "execution", "summary"
LARGE = ("events", "input", "output", "mockAttempts")
"""Fields that a list of executions does not have."""


def archived(table: Any, folder: Path) -> Any:  # noqa: C901 -- a class with short methods
    """Return ministack's table of executions, and behind it those that `archive` has moved to the file.

    `table` is the empty table of ministack. ARNs are keys. What is read from the file is a copy.
    """
    base: Any = type(table)

    class Executions(base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._file = Store(folder / FILE)
            self.archived_events = 0

        def archive(self, may_move: Callable[[dict[str, Any]], bool]) -> None:
            """Move executions to the file."""
            for key, execution in self.all_items():
                if may_move(execution):
                    arn = execution["executionArn"]
                    summary = {name: value for name, value in execution.items() if name not in LARGE}
                    self._file.put(FULL, arn, execution)
                    self._file.put(SUMMARY, arn, summary)
                    self.archived_events += len(execution["events"])
                    self._data.pop(key, None)

        def get(self, key: str, default: Any = None) -> Any:
            return super().get(key) or self._file.get(FULL, key) or default

        def get_scoped(self, account: str, region: str, key: str, default: Any = None) -> Any:
            return super().get_scoped(account, region, key) or self._file.get(FULL, key) or default

        def __getitem__(self, key: str) -> Any:
            if execution := self.get(key):
                return execution
            raise KeyError(key)

        def __contains__(self, key: object) -> bool:
            return super().__contains__(key) or self._file.get(SUMMARY, str(key)) is not None

        def values(self) -> list[Any]:
            return [execution for _, execution in self.items()]

        def items(self) -> list[tuple[str, Any]]:
            live = dict(super().items())
            summaries = self._file.all(SUMMARY)
            return [*((known["executionArn"], known) for known in summaries), *live.items()]

        def pop(self, key: str, *default: Any) -> Any:
            self._file.delete(FULL, key)
            self._file.delete(SUMMARY, key)
            return super().pop(key, *default)

        def __deepcopy__(self, memo: dict[int, Any]) -> Any:
            copied = base()
            copied._data = copy.deepcopy(self._data, memo)
            return copied

    return Executions()
