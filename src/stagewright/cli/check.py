"""One thing that `doctor` has looked at."""

from __future__ import annotations

from dataclasses import dataclass


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
