"""The results of resolving a stage: the inputs of its fingerprint, and its requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stagewright.planner import fingerprint
from stagewright.planner.champion_metrics import NO_CHAMPION
from stagewright.planner.model import Binding
from stagewright.stages.base.request import Requests


@dataclass(frozen=True)
class ResolvedStage:
    """What decides whether a stage runs: the inputs of its fingerprint, and its code files."""

    inputs: Mapping[str, str]
    bundle: tuple[str, ...]

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint.digest(self.inputs)

    @property
    def lacks_champion(self) -> bool:
        """Whether the stage is a gate that compares with a champion, and there is none."""
        return any(
            path.startswith("champion.") and value == NO_CHAMPION for path, value in self.inputs.items()
        )


@dataclass(frozen=True)
class BuiltStage:
    """What a stage needs to run."""

    requests: Requests
    bindings: tuple[Binding, ...]
    outputs: Mapping[str, str]
    metrics: Mapping[str, Any]
    timeout: int
    tokens: re.Pattern[str]
    """Matches the tokens in the requests."""
