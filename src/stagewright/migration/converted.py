"""The result of a conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Stage = dict[str, Any]


@dataclass(frozen=True)
class Note:
    """A setting that was changed, dropped or not converted: its path, the reason and a remedy."""

    path: str
    reason: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" + (f" ({self.remedy})" if self.remedy else "")


@dataclass(frozen=True)
class ConvertedPipeline:
    """A document, the files of its code folder by path, and the notes about its conversion.

    `unconverted`: what has no counterpart. The document has an approval stage in place of each such step.
    `steps`: stage -> the step that it comes from.
    """

    document: Mapping[str, Any]
    files: Mapping[str, bytes]
    notes: tuple[Note, ...]
    unconverted: tuple[Note, ...] = ()
    steps: Mapping[str, str] = field(default_factory=dict)
