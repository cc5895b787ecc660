"""Runs the same cases on the local engine and on the second one, and tells whether they agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ENGINES = Path(__file__).with_name("engines")
INNER = "Inside"


class Compared(NamedTuple):
    """A case, and what each engine did."""

    run: dict
    here: dict
    there: dict

    @property
    def agree(self) -> bool:
        parts = ("states", "calls", "end")
        return all(
            same(parsed(self.here[part]), parsed(self.there[part]), self.here["failures"]) for part in parts
        )


def compared(second: Path, run: list[dict]) -> list[Compared]:
    here, there = traces(sys.executable, "local.py", run), traces(second, "sfnx_engine.py", run)
    return [Compared(*each) for each in zip(run, here, there, strict=True)]


def traces(python: Path | str, program: str, run: list[dict]) -> list[dict]:
    environment = {**os.environ, "PYTHONPATH": str(ENGINES)}
    done = subprocess.run(
        [str(python), str(ENGINES / program)],
        input="\n".join(map(json.dumps, run)),
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def parsed(value):
    """JSON inside a text counts by its meaning: one engine writes é as it is, the other escapes it."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    if isinstance(value, dict):
        return {key: parsed(item) for key, item in value.items()}
    return [parsed(item) for item in value] if isinstance(value, list) else value


def same(here, there, failures: list[str]) -> bool:
    """Texts about a failed expression may differ: each engine words its cause in its own way."""
    if isinstance(here, dict) and isinstance(there, dict):
        return here.keys() == there.keys() and all(same(here[key], there[key], failures) for key in here)
    if isinstance(here, list) and isinstance(there, list):
        return len(here) == len(there) and all(map(same, here, there, [failures] * len(here)))
    if isinstance(here, str) and isinstance(there, str) and here != there:
        texts = [text for failure in failures if failure for text in (failure[:80], _reason(failure))]
        return any(text in here for text in texts)
    return type(here) is type(there) and here == there


def _reason(failure: str) -> str:
    """What the expression's evaluator wrote, which the state machine puts into its own causes."""
    return failure.rpartition(" during evaluation. ")[2]


def report(differences: list[Compared]) -> str:
    shown = "\n".join(
        f"input {run['input']}, answers {run['answers']}\n  local:  {here}\n  second: {there}"
        for run, here, there in differences[:3]
    )
    return f"{len(differences)} differ:\n{shown}"
