"""HTML for notebooks. Every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from stagewright.api.printable import printable


def text(value: str) -> str:
    """A text as HTML. Characters that change how a page looks (direction, controls) become escapes."""
    return escape(printable(value))


def paragraph(value: str) -> str:
    return f"<p>{text(value)}</p>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts."""
    heads = "".join(f"<th>{text(name)}</th>" for name in header)
    lines = ("".join(f"<td>{text(cell)}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
