"""Lines of logs, as `run.logs()` returns them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from stagewright.api import html

if TYPE_CHECKING:
    from stagewright.runs.history.logs import LogLine


class LogLines(list["LogLine"]):
    """Lines of logs, oldest first. Each has `source`, `time` and `text`."""

    def __str__(self) -> str:
        return "\n".join(texts(self))

    def _repr_html_(self) -> str:
        return f"<pre>{html.text(str(self))}</pre>"


def texts(lines: Iterable[LogLine], of: str | None = None, times: bool = False) -> Iterator[str]:
    """The lines as texts. A line of another source than the stage `of` starts with its source.

    An event of several lines has its source in each, so that no text looks like a line of another source.
    """
    for line in lines:
        source = "" if line.source == of else f"{line.source}  "
        time = f"{_local_time(line)}  " if times else ""
        for text in line.text.split("\n"):
            yield f"{time}{source}{text}"


def _local_time(line: LogLine) -> str:
    return datetime.fromisoformat(line.time).astimezone().isoformat("T", "milliseconds")
