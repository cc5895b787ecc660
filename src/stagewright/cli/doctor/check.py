"""One thing that `doctor` has looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stagewright.errors import DeniedError, StagewrightError


@dataclass(frozen=True)
class Check:
    """`needed`: without it pipelines do not run."""

    name: str
    ok: bool
    found: str
    remedy: str = ""
    needed: bool = True


def healthy(checks: list[Check]) -> bool:
    return all(check.ok for check in checks if check.needed)


SHOWN = 80
"""Characters of a value that is not as it should be."""


@dataclass(frozen=True)
class Probe:
    """`look` gives what is wrong, a few words each. `needed`: without it runs fail or are lost."""

    name: str
    look: Callable[[], Iterable[str]]
    remedy: str
    needed: bool = True
    good: str = "as it should be"

    def check(self) -> Check:
        try:
            wrong = list(self.look())
        except DeniedError as error:
            return Check(self.name, False, error.message, error.remedy, self.needed)
        except StagewrightError as error:
            return Check(self.name, False, error.message, self.remedy, self.needed)
        return Check(self.name, not wrong, "; ".join(wrong) or self.good, self.remedy, self.needed)


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """Of what is wanted; what else is there does not matter."""
    for name, value in wanted.items():
        if found.get(name) != value:
            yield f"{name} is {_short(found.get(name))}, not {_short(value)}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
