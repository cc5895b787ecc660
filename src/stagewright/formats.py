"""The format of every stored item and object: a number per kind, and the steps from one format to the next.

Every writer stores the number as `format`. A reader brings an item of an earlier format up to date as it
reads it, and refuses an item of a later format. `stagewright migrate` stores what the steps make.

To change what is stored in a way that the reader of the last release would misread: raise the number of the
kind, and add the step from the last number to `STEPS`. A step must also accept an item that has attributes of
the new format already, because an update can come before the migration. An item without a number has format
0; it was written before formats were numbered, and equals format 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from stagewright import __version__
from stagewright.errors import TargetError

Stored = Mapping[str, Any]
FORMAT = "format"
ITEMS = {
    "announced": 1,
    "attempt": 1,
    "backfill": 1,
    "batch": 1,
    "claim": 1,
    "continued": 1,
    "cooldown": 1,
    "endpoint": 1,
    "lease": 1,
    "page": 1,
    "plan": 1,
    "resumed": 1,
    "run": 1,
    "skipped": 1,
    "stage": 1,
    "stages": 1,
    "tick": 1,
    "unannounced": 1,
    "uncounted": 1,
    "unfinished": 1,
    "usage": 1,
    "waiting": 1,
    "base": 1,
    "environment": 1,
    "overrides": 1,
    "revision": 1,
}
"""Kind of a table's item -> its format. The kind is the first word of the item's keys (`kind_of`)."""
DOCUMENTS = ("base", "environment", "overrides", "revision")
"""Kinds of the table `documents`. All others are of the table `runs`."""
OBJECTS = {"announcement": 1, "manifest": 1, "proof": 1, "release": 1}
"""Kind of a JSON object of the bucket -> its format. An object is never rewritten."""
STEPS: dict[tuple[str, int], Callable[[Stored], Stored]] = {}
"""(kind, format) -> the step to the next format, on plain values. Without one, both formats are the same."""
PARTITIONS = ("batch", "cooldown", "skipped", "unannounced", "uncounted", "unfinished")
"""Kinds that are the first word of the partition key. All others are that of the sort key."""
REMEDY = "use a version that reads it; `stagewright doctor --target NAME` reports the installation's version"


class FormatError(TargetError):
    """A later version of Stagewright wrote the item or object. It stays as it is."""


def kind_of(item: Stored) -> str:
    """Return the kind of an item, from its keys. An unknown kind is not in `ITEMS`."""
    partition = str(item.get("run", "")).partition("#")[0]
    return partition if partition in PARTITIONS else str(item["item"]).partition("#")[0]


def stamped(item: Stored) -> dict[str, Any]:
    """Return the item with the number of its format, as it is stored."""
    return {**item, FORMAT: ITEMS[kind_of(item)]}


def read_item(item: Stored) -> dict[str, Any]:
    """Return a stored item, plain, in the format of this version. Raise FormatError if it has a later one."""
    if "item" not in item:  # some attributes of an item, or none
        return dict(item)
    kind = kind_of(item)
    name = f"the item {item.get('run') or item.get('pipeline')}, {item['item']}"
    return read(kind, item, name, ITEMS.get(kind, 0)) if kind in ITEMS else dict(item)


def read_object(kind: str, body: bytes, key: str) -> dict[str, Any]:
    """Return the content of a JSON object in the format of this version.

    Raise FormatError if it has a later one, ValueError if it is not a JSON object.
    """
    content = json.loads(body or b"{}")
    if not isinstance(content, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 -- as for text that is no JSON
    return read(kind, content, key, OBJECTS[kind])


def read(kind: str, content: Stored, name: str, newest: int) -> dict[str, Any]:
    number = number_of(content)
    if number > newest:
        message = f"{name} has format {number}; this is Stagewright {__version__}, which reads up to {newest}"
        raise FormatError(message, REMEDY)
    for earlier in range(number, newest):
        content = STEPS.get((kind, earlier), dict)(content)
    return {**content, FORMAT: newest}


def number_of(content: Stored) -> int:
    """Return the format's number. What is no number, after an edit by hand, counts as none."""
    number = content.get(FORMAT, 0)
    return number if isinstance(number, int) else 0
