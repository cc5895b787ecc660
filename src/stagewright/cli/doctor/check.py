"""A check of `doctor`, and the probe that makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stagewright.errors import DeniedError, StagewrightError


@dataclass(frozen=True)
class Check:
    """The result of a check. `needed`: pipelines do not run if it fails."""

    name: str
    ok: bool
    found: str
    remedy: str = ""
    needed: bool = True


def healthy(checks: list[Check]) -> bool:
    return all(check.ok for check in checks if check.needed)


SHOWN = 80
"""Number of characters of an unexpected value that are printed."""


@dataclass(frozen=True)
class Probe:
    """A check to run. `find_problems` returns a phrase for each problem."""

    name: str
    find_problems: Callable[[], Iterable[str]]
    remedy: str
    needed: bool = True
    good: str = "as expected"

    def check(self) -> Check:
        try:
            problems = list(self.find_problems())
        except DeniedError as error:
            return Check(self.name, False, error.message, error.remedy, self.needed)
        except StagewrightError as error:
            return Check(self.name, False, error.message, self.remedy, self.needed)
        return Check(self.name, not problems, "; ".join(problems) or self.good, self.remedy, self.needed)


def differences(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Iterator[str]:
    """A phrase for each expected value that differs. Other values in `actual` are ignored."""
    for name, value in expected.items():
        if actual.get(name) != value:
            yield f"{name} is {_short(actual.get(name))}, not {_short(value)}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
