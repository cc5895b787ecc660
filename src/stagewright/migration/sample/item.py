"""An item of the sample's table, as DynamoDB JSON or plain JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stagewright.document.overrides import Unusable
from stagewright.document.schema_errors import shown
from stagewright.errors import DocumentError, Problem
from stagewright.store.typed_values import from_typed

TYPES = {"S", "N", "BOOL", "M", "L", "NULL", "B", "SS", "NS", "BS"}
"""DynamoDB API reference, AttributeValue."""
FLAGS = {"Y": True, "N": False}
REMEDY = 'get an item with aws dynamodb get-item --table-name TABLE --key \'{"name": {"S": "NAME"}}\''


FIX = f"correct the file, or {REMEDY}"


class Item:
    """An item that records which attributes were read, and in `problems` which of them are invalid."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.problems: list[Problem] = []
        self._read: set[tuple[str, ...]] = set()

    @classmethod
    def read(cls, path: Path) -> Item:
        """Read an item from a file. DocumentError: the file holds no item of the sample."""
        try:
            data = json.loads(path.read_text("utf-8-sig"))
        except OSError as error:
            raise _wrong(path, error.strerror or "cannot be read") from None
        except (ValueError, RecursionError) as error:
            raise _wrong(path, f"not JSON: {error}") from None
        data = data.get("Item", data) if isinstance(data, dict) else data
        if not isinstance(data, dict) or not data:
            raise _wrong(path, "not an item, which is a JSON object of attributes")
        return cls(_plain(path, data))

    def get(self, *path: str) -> Any:
        """The value at a path, or None."""
        self._read.add(path)
        value: Any = self.data
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def text(self, *path: str) -> str:
        """The string or number at a path as a string. Empty if it is absent. Any other type is a problem."""
        value = self.get(*path)
        if isinstance(value, Mapping | list | bool):
            self._refuse(path, f"must be text, not {json.dumps(value)}")
            return ""
        return "" if value is None else str(value)

    def mapping(self, *path: str) -> Mapping[str, Any]:
        value = self.get(*path)
        if value is not None and not isinstance(value, Mapping):
            self._refuse(path, f"must be a map, not {shown(value)}")
            return {}
        return value or {}

    def entries(self, *path: str) -> list[Any]:
        value = self.get(*path)
        if value is not None and not isinstance(value, list):
            self._refuse(path, f"must be a list, not {shown(value)}")
            return []
        return value or []

    def maps(self, *path: str) -> list[Mapping[str, Any]]:
        entries = self.entries(*path)
        if not all(isinstance(entry, Mapping) for entry in entries):
            self._refuse(path, "must be a list of maps")
            return []
        return entries

    def flag(self, name: str) -> bool:
        """Whether the attribute is `Y`. An absent one is off, because the sample runs nothing without `Y`."""
        value = self.text(name) or "N"
        if value not in FLAGS:
            self._refuse(
                (name,),
                f"must be Y or N, not {value!r}, which the sample reads as N",
                "write Y or N",
            )
        return FLAGS.get(value, False)

    def _refuse(self, path: tuple[str, ...], message: str, remedy: str = FIX) -> None:
        problem = Problem(".".join(path), message, remedy)
        if problem not in self.problems:
            self.problems.append(problem)

    def unread(self) -> Iterator[str]:
        """Dotted paths that were not read."""
        yield from self._unread(self.data, ())

    def _unread(self, value: Any, path: tuple[str, ...]) -> Iterator[str]:
        if path in self._read:
            return
        if isinstance(value, Mapping) and value:
            for name, child in value.items():
                yield from self._unread(child, (*path, name))
        else:
            yield ".".join(path)


def _plain(path: Path, data: Mapping[str, Any]) -> Mapping[str, Any]:
    if not all(
        isinstance(value, dict) and len(value) == 1 and TYPES & value.keys() for value in data.values()
    ):
        return data
    try:
        plain = {name: from_typed(value) for name, value in data.items()}
    except ArithmeticError:
        raise _wrong(path, "not DynamoDB JSON: a value of type N is not a number") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise _wrong(path, f"not DynamoDB JSON: {error}") from None
    if unusable := list(_unusable(plain, ())):
        raise DocumentError(
            tuple(Problem(path, reason, "a document has no such value") for path, reason in unusable)
        )
    return plain


def _unusable(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    match value:
        case Unusable():
            yield ".".join(path), value.message
        case Mapping():
            for name, child in value.items():
                yield from _unusable(child, (*path, name))
        case list():
            for index, child in enumerate(value):
                yield from _unusable(child, (*path, str(index)))


def _wrong(path: Path, what: str) -> DocumentError:
    return DocumentError((Problem("", what, REMEDY, str(path)),))
