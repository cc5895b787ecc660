"""The table of all facts at the end of the smoke test."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from stagewright.api.printable import printable
from tools.aws_facts import (
    before,
    installed_facts,
    job_facts,
    model_versions,
    not_tried,
    page,
    recorded_facts,
    recordings,
    repeated_requests,
)
from tools.aws_facts.step import Step, Target, Verdict, try_step

AFTER = (
    *recorded_facts.STEPS,
    *job_facts.STEPS,
    *installed_facts.STEPS,
    *repeated_requests.STEPS,
    *model_versions.STEPS,
)
STEPS = (*before.STEPS, *AFTER)
OUTCOMES = ("confirmed", "differs", "not tried")


def tried(steps: Iterable[Step], target: Target) -> Iterator[Verdict]:
    """Try the steps in their order, and print each verdict at once."""
    for step in steps:
        verdict = try_step(step, target)
        print(*lines(verdict), sep="\n", flush=True)
        yield verdict


def complete(verdicts: Iterable[Verdict], reason: str = "the test ended before") -> list[Verdict]:
    """Return a verdict for every step and for every fact of the page, in the order of the ids."""
    known = {verdict.id: verdict for verdict in verdicts}
    for step in STEPS:
        known.setdefault(step.id, Verdict(step.id, step.fact, "not tried", (reason,)))
    for fact in page.ids(page.PAGE.read_text(encoding="utf-8")):
        known.setdefault(fact, Verdict(fact, "", "not tried", (not_tried.REASONS.get(fact, "no step"),)))
    return sorted(known.values(), key=lambda verdict: (verdict.id[0], int(verdict.id[1:])))


def table(verdicts: Sequence[Verdict]) -> str:
    """Return the table: id, outcome, fact or reason."""
    count = Counter(verdict.outcome for verdict in verdicts)
    rows = [row for verdict in verdicts for row in lines(verdict)]
    return "\n".join([*rows, ", ".join(f"{count[outcome]} {outcome}" for outcome in OUTCOMES)])


def lines(verdict: Verdict) -> Iterator[str]:
    """Yield the lines of one verdict. What a target answered is printed without control characters."""
    details = [printable(detail) for detail in verdict.details]
    first, *more = [verdict.fact, *details] if verdict.fact else details
    yield f"{verdict.id:5}{verdict.outcome:10} {first}"
    for detail in more:
        yield textwrap.fill(detail, width(), initial_indent=" " * 16, subsequent_indent=" " * 16)


def width() -> int:
    return max(60, shutil.get_terminal_size((120, 24)).columns)


def differs(verdicts: Iterable[Verdict]) -> bool:
    return any(verdict.outcome == "differs" for verdict in verdicts)


def recorded(verdicts: Iterable[Verdict], folder: Path) -> None:
    """Write the recordings and print their paths."""
    for path in recordings.write(verdicts, folder):
        print(f"recorded {path}")
