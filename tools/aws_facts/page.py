"""The ids of docs/fidelity.md."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "fidelity.md"
_ROW_WITH_DOUBT = re.compile(r"^\| [A-Z]\d.*\|[^|]*\w[^|]*\|$")
_UNKNOWN = re.compile(r"\| (?:[^|]*not documented[^|]*|unknown) \|$")
_ID = re.compile(r"\*\*(F[1-9]\d*)\*\*")


def ids(text: str) -> list[str]:
    """Return the ids of facts in the order of the page."""
    return _ID.findall(text)


def unnumbered(text: str) -> list[str]:
    """Return the lines of facts that have no id: items of *Not confirmed*, and what is not documented."""
    sections = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n?)*)", text, re.MULTILINE))
    items = [line for line in sections["Not confirmed"].splitlines() if line.startswith("- ")]
    items += filter(_ROW_WITH_DOUBT.search, sections["Review against primary sources"].splitlines())
    items += filter(_UNKNOWN.search, sections["Differences on purpose"].splitlines())
    return [line for line in items if not _ID.search(line)]
