"""A plan and what it is made from: frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from stagewright.catalog.prices import Prices
from stagewright.naming import Installation
from stagewright.planner.release import Release
from stagewright.planner.selection import Selection
from stagewright.stages.base.job_settings import NO_SETTINGS, JobSettings
from stagewright.stages.base.usage import Use

PLAN_FORMAT = 4
Action = Literal["run", "reuse", "skip"]


@dataclass(frozen=True)
class Trigger:
    """The event that starts a run.

    Fields:
        key: The permanent identifier of the event.
        time: The time of the event, ISO 8601 in UTC.
        by: The person or system that caused it.
        date, uri, package, run: The values of `${trigger.date}` and so on, if the event has them.
        chain: The pipelines whose runs led here through upstream triggers, first one first.
        only, start, skip, bypass, reason: See `Selection`.
        bypassed_by: The sender of the request to bypass a control, verified by the router.
        name: The document's trigger that requested the run (`triggers.trigger_name`), or "".
        resumes: The run that this one resumes. Apart from `key` and `by`, the trigger is that run's.
        continues: The run whose stages waited for the approval of `package`. This run runs them.
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
    continues: str = ""
    bypass: tuple[str, ...] = ()
    reason: str = ""
    bypassed_by: str = ""
    name: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Trigger:
        lists = ("only", "chain", "start", "skip", "bypass")
        return cls(**{**data, **{name: tuple(data.get(name, ())) for name in lists}})

    @property
    def selection(self) -> Selection:
        return Selection(self.only, self.start, self.skip, self.bypass, self.reason)

    @property
    def bypass_note(self) -> str:
        """Which controls the run bypasses, who did it, and why. Empty: none."""
        who = self.bypassed_by or self.by or "unknown"
        return f"{', '.join(self.bypass)} bypassed by {who}: {self.reason}" if self.bypass else ""

    def to_json(self) -> dict[str, Any]:
        """Return the trigger as JSON. Empty optional fields are left out."""
        kept = ("type", "key", "time", "by", "parameters")
        return {name: value for name, value in asdict(self).items() if name in kept or value}


@dataclass(frozen=True)
class GoodResult:
    """The result of a stage that succeeded in an earlier run.

    Fields:
        inputs: The inputs of its fingerprint.
        job: The job that made it.
        rolled_back: The message about the rollback, if the endpoint was rolled back from this version.
    """

    run: str
    ended: str
    fingerprint: str
    result: Mapping[str, Any]
    inputs: Mapping[str, str]
    job: str = ""
    rolled_back: str = ""


@dataclass(frozen=True)
class Champion:
    """The newest approved version of the model that the document registers.

    Fields:
        run: The run that made it, or "" if unknown.
        results: Stage -> its result in that run, its own or a reused one.
    """

    package: str
    run: str
    results: Mapping[str, GoodResult] = field(default_factory=dict)

    def made_by(self, stage: str) -> str:
        """Return the run that made the stage's result, or "" if there is none."""
        return self.results[stage].run if stage in self.results else ""


@dataclass(frozen=True)
class Pinned:
    """The result that a stage's `pin` names and its partition, or an error."""

    result: GoodResult | None = None
    partition: str = ""
    error: str = ""


@dataclass(frozen=True)
class Recorded:
    """All recorded state that planning reads.

    Fields:
        revision: The revision of the effective document.
        results: Stage -> its good results in this partition, newest first: those whose outputs still exist,
            and those from which an endpoint was rolled back.
        external: S3 URI of external data -> digest of the objects there (keys and versions). Missing if there
            are no objects.
        pinned: Stage with `pin` -> the pinned result.
        champion: None if there is none, or if the document does not refer to it.
        approvals: Model package ARN among the results -> its status in the registry, if a stage depends on
            it.
        superseded: Stage -> the message why its last result does not count: the endpoint serves something
            else, or a later run of the gate or approval rejected the same.
        continued: Stage -> its result in the run that this one continues. None: it did not succeed there.
        jobs: The installation's settings of jobs.
        reviewed: Parameter -> its value in the pushed document, for the parameters of a gate's condition that
            overrides or the run's parameters changed.
        prices: The prices of the installation's region. None: there are none.
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
    continued: Mapping[str, GoodResult | None] = field(default_factory=dict)
    reviewed: Mapping[str, Any] = field(default_factory=dict)
    jobs: JobSettings = NO_SETTINGS
    prices: Prices | None = None


@dataclass(frozen=True)
class Binding:
    """A token in a request, and the path of its value in the run's results, such as ("train", "model")."""

    token: str
    path: tuple[str, ...]


@dataclass(frozen=True)
class Gathered:
    """The instances that a stage outside their list depends on.

    Fields:
        stages: The stages of the list whose failure loses an instance.
        skips: Gates of the list with `else: skip`, which leave an instance out.
        failures: The most instances that may be lost. With more, the stage does not run.
        items: The number of instances. If none is left, the stage does not run.
    """

    stages: tuple[str, ...]
    skips: tuple[str, ...]
    failures: int
    items: int


@dataclass(frozen=True)
class StagePlan:
    """One stage of a plan. `requests`: AWS operation -> exact request, with tokens for run-time values."""

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
    metrics: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    reused_from: str = ""
    bundle: tuple[str, ...] = ()
    """The code files that the stage needs. They are uploaded as one bundle."""
    uses: tuple[Use, ...] = ()
    """The instances that the stage uses, if it runs."""
    attempts: int = 1
    """Maximum attempts. If more than one, names and locations contain `ATTEMPT`."""
    wait: int = 0
    """Seconds between two attempts."""
    otherwise: str = ""
    """`stop` or `skip`, for a gate that does not fail the run if it is closed."""
    gates: tuple[str, ...] = ()
    """The gates with `otherwise` that the stage depends on. If one is closed, the stage does not run."""
    watch: tuple[str, ...] = ()
    """The gates with `stop` in other chains of the stage's wave. The stage checks them before it starts."""
    awaits: str = ""
    """The register stage for whose version's approval the stage waits, itself or through another stage."""
    of_list: str = ""
    """The list that the stage is an instance of. Its failure does not end the run."""
    failures: int = 0
    """The most items of the list that may fail."""
    gathers: tuple[Gathered, ...] = ()
    """The instances that the stage depends on, if it is outside their list."""
    copies: Mapping[str, str] = field(default_factory=dict)
    """S3 URI of a reused output -> where the stage reads it, together with those of other instances."""
    part: int = 0
    """The part of its chain, if the chain has several independent parts, from 1. A failure ends the part."""


@dataclass(frozen=True)
class Plan:
    """What a run will do. `waves`: waves of chains of stage names. The chains of a wave run in parallel."""

    run: str
    pipeline: str
    partition: str
    trigger: Trigger
    release: str
    revision: int
    stages: tuple[StagePlan, ...]
    waves: tuple[tuple[tuple[str, ...], ...], ...]
    warnings: tuple[str, ...] = ()
    manifest: str = ""
    """The version of the release manifest that it was planned from."""
    barred: str = ""
    """The people who may not approve what the run asks: `,ann,bob,`."""
    currency: str = ""
    """Of the prices. Empty: there are none."""
    prices_of: str = ""
    """The day of the prices, ISO 8601. Empty: all prices are the document's."""
    format: int = PLAN_FORMAT

    def stage(self, name: str) -> StagePlan:
        return next(stage for stage in self.stages if stage.name == name)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
