"""What a run will do, decided before it starts: frozen values, with JSON in and out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from stagewright.naming import Installation
from stagewright.planner.release import Release
from stagewright.planner.selection import Selection
from stagewright.stages.base.usage import Use

PLAN_FORMAT = 2
Action = Literal["run", "reuse", "skip"]


@dataclass(frozen=True)
class Trigger:
    """What started a run. `time` is ISO 8601 UTC, of the event itself; `key` names the event for ever.

    `only`, `start`, `skip`: what runs of the document, as `Selection` has it. `resumes`: the run whose
    trigger this was, all but `key` and `by`. `date`, `uri`, `package`, `run`: what `${trigger.date}` and the
    others stand for, where the event brought one. `chain`: the pipelines whose runs led here by upstream
    triggers, first one first.
    """

    type: str
    key: str
    time: str
    by: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    date: str = ""
    uri: str = ""
    package: str = ""
    run: str = ""
    chain: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    resumes: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Trigger:
        lists = ("only", "chain", "start", "skip")
        return cls(**{**data, **{name: tuple(data.get(name, ())) for name in lists}})

    @property
    def selection(self) -> Selection:
        return Selection(self.only, self.start, self.skip)

    def to_json(self) -> dict[str, Any]:
        """Without what is empty, apart from the fields that every trigger has."""
        kept = ("type", "key", "time", "by", "parameters")
        return {name: value for name, value in asdict(self).items() if name in kept or value}


@dataclass(frozen=True)
class GoodResult:
    """A stage's good result in an earlier run, made by `job`. `inputs`: what went into its fingerprint.
    `rolled_back`: of an endpoint from which somebody went back to an earlier version, the sentence that says
    so; else empty."""

    run: str
    ended: str
    fingerprint: str
    result: Mapping[str, Any]
    inputs: Mapping[str, str]
    job: str = ""
    rolled_back: str = ""


@dataclass(frozen=True)
class Champion:
    """The newest approved version of what the document registers. `run` made it, and is empty where nobody
    knows; `results`: stage -> the good result that stood for it in that run."""

    package: str
    run: str
    results: Mapping[str, GoodResult] = field(default_factory=dict)

    def made_by(self, stage: str) -> str:
        """The run in which the stage did its work; "" where it did not."""
        return self.results[stage].run if stage in self.results else ""


@dataclass(frozen=True)
class Pinned:
    """What `pin` of a stage stands for: a result, with the partition it is of, or why there is none."""

    result: GoodResult | None = None
    partition: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Recorded:
    """All recorded state that planning may look at; the planner itself asks nobody.

    `results`: stage -> good results in this partition whose outputs still exist, and those that were rolled
    back; newest first.
    `external`: S3 URI outside the run -> digest of the objects (keys and versions) found there; absent when
    none. `pinned`: stage with `pin` -> what that is. `champion`: None while there is none, or nothing asks
    for it. `approvals`: ARN of a model package among the results -> its status in the registry, where that
    decides whether it can be served. `displaced`: endpoint stage -> the sentence that says why its last
    result does not count: what the endpoint serves now.
    """

    installation: Installation
    release: Release
    revision: int = 0
    results: Mapping[str, Sequence[GoodResult]] = field(default_factory=dict)
    external: Mapping[str, str] = field(default_factory=dict)
    pinned: Mapping[str, Pinned] = field(default_factory=dict)
    champion: Champion | None = None
    approvals: Mapping[str, str] = field(default_factory=dict)
    superseded: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Binding:
    """A token in a request, and the path of its value in the results of this run: ("train", "model")."""

    token: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class StagePlan:
    """One stage of a plan. `requests`: AWS operation -> its exact request, tokens for run-time values."""

    name: str
    kind: str
    action: Action
    reason: str
    fingerprint: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    job: str = ""
    timeout: int = 0
    requests: Mapping[str, Any] = field(default_factory=dict)
    bindings: tuple[Binding, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    reused_from: str = ""
    bundle: tuple[str, ...] = ()
    """The code files that this stage needs, as a bundle in the bucket."""
    uses: tuple[Use, ...] = ()
    """The instances that it holds, of a stage that runs."""
    attempts: int = 1
    """At most; with more than one, names and places have `ATTEMPT` in them."""
    wait: int = 0
    """Seconds between two attempts."""
    otherwise: str = ""
    """Of a gate that does not fail the run when it closes: `stop` or `skip`."""
    gates: tuple[str, ...] = ()
    """Such gates among all that the stage waits for in this run: where one closes, it does not run."""
    watch: tuple[str, ...] = ()
    """Gates with `stop` in other chains of its wave: looked at before it starts."""


@dataclass(frozen=True)
class Plan:
    """Waves of chains of stage names: waves one after another, a wave's chains side by side."""

    run: str
    pipeline: str
    partition: str
    trigger: Trigger
    release: str
    revision: int
    stages: tuple[StagePlan, ...]
    waves: tuple[tuple[tuple[str, ...], ...], ...]
    warnings: tuple[str, ...] = ()
    format: int = PLAN_FORMAT

    def stage(self, name: str) -> StagePlan:
        return next(stage for stage in self.stages if stage.name == name)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def digest(self) -> str:
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
