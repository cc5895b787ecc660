"""."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Base:
    """A layer as pushed: its JSON text, that text's SHA-256, when it was written, and by whom if known."""

    document: str
    sha256: str
    written: str
    by: str = ""


@dataclass(frozen=True)
class Overrides:
    """The item that people edit. `content` may be anything that the table holds.

    `version` counts the writes that came by a command; `seal` is what such a write left (see `run.layers`).
    `stored` is the item in DynamoDB's types, empty where there is none.
    """

    content: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0
    by: str = ""
    written: str = ""
    checksum: str = ""
    stored: Mapping[str, Any] = field(default_factory=dict)
