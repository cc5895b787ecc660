"""The layers of a document as they are stored: a leaf module, so that clients do not load the checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Base:
    """A pushed layer: its JSON text, the SHA-256 of that text, the time of the write, and the author if
    known."""

    document: str
    sha256: str
    written: str
    by: str = ""


@dataclass(frozen=True)
class Overrides:
    """The overrides item, which people may edit in the table.

    Fields:
        content: Any value that the table can hold.
        version: Number of writes by commands.
        by, written: Author and time of the last write by a command.
        checksum: `layers.checksum_of` at that write. A different value reveals an edit in the table.
        stored: The item in DynamoDB types, empty if there is none.
    """

    content: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0
    by: str = ""
    written: str = ""
    checksum: str = ""
    stored: Mapping[str, Any] = field(default_factory=dict)
