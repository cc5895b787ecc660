"""The answers of AWS as fixtures: one file per fact, without account data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.aws_facts.step import Step, Verdict, judged


def write(verdicts: Iterable[Verdict], folder: Path) -> Iterator[Path]:
    """Write the answers to facts. A fact that was not tried keeps its earlier recording."""
    folder.mkdir(parents=True, exist_ok=True)
    for verdict in verdicts:
        if verdict.outcome != "not tried" and verdict.id.startswith("F"):
            path = folder / f"{verdict.id}.json"
            content = {"fact": verdict.fact, "answer": verdict.answer}
            path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            yield path


def judge(steps: Iterable[Step], folder: Path) -> Iterator[Verdict]:
    """Judge the recorded answers again. Steps without a recording yield nothing."""
    for step in steps:
        path = folder / f"{step.id}.json"
        if path.exists():
            yield judged(step, json.loads(path.read_text(encoding="utf-8"))["answer"])
