"""Triggers: one model for each type, joined into one discriminated union."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from stagewright.syntax.fields import Accepts, AwsName, Duration, Model, Name, PipelineName, Scalar, StageName


def has_code_trigger(document: Mapping[str, Any]) -> bool:
    """Return whether a pushed release of this document (parsed JSON, perhaps invalid) starts a run."""
    triggers = document.get("triggers")
    listed = triggers if isinstance(triggers, Sequence) else ()
    return any(isinstance(trigger, Mapping) and trigger.get("type") == "code" for trigger in listed)


def trigger_name(trigger_filter: Mapping[str, Any]) -> str:
    """Return a short name that identifies a trigger by its filter."""
    text = json.dumps(dict(trigger_filter), sort_keys=True)
    return f"{trigger_filter['type']}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


class AnyTrigger(Model):
    """Fields of every trigger."""

    only: tuple[StageName, ...] = ()
    """`[deploy]`: the stages that may run. Other stages reuse their last good result. Default: every enabled
    stage."""
    parameters: Mapping[Name, Annotated[Scalar, Accepts(known="plan", roots=("trigger",))]] = Field(
        default_factory=dict
    )
    """`{month: "${trigger.date}"}`: values of declared parameters in the runs that this trigger starts."""
    cooldown: Duration | None = None
    """`1h`: after it has started a run, the trigger ignores further events for this period. `stagewright runs
    NAME --dropped` lists them."""

    @property
    def filter(self) -> Mapping[str, Any]:
        """The fields that select events. A trigger keeps its identity while its filter stays the same."""
        return self.model_dump(exclude=set(AnyTrigger.model_fields))


class CodeTrigger(AnyTrigger):
    """Starts a run when a release is pushed."""

    type: Literal["code"]
    """The type of trigger."""


class DataTrigger(AnyTrigger):
    """Starts a run when an object arrives in the bucket."""

    type: Literal["data"]
    """The type of trigger."""
    prefix: str
    """`raw/house-price/`: the beginning of the object's key. `staging/`, `manifests/`, `releases/`, `code/`,
    `runs/`, `models/` and `glue/` are reserved."""
    suffix: str = ""
    """`_SUCCESS`: the end of the object's key. Each matching object starts a run, so name the object that is
    written last."""
    settle: Duration | None = None
    """`10m`: one run starts when no further object has arrived for this period. Use it if you do not know
    which object is written last."""
    date: str | None = None
    """`day=([0-9-]+)/`: a regular expression, searched in the key. Its one group becomes `${trigger.date}`.
    Default: the first year-month-day or year-month in the key, else the day of the event."""


class ScheduleTrigger(AnyTrigger):
    """Starts a run at regular times."""

    type: Literal["schedule"]
    """The type of trigger."""
    cron: str | None = None
    """`0 14 ? * SAT *`: every Saturday at 14:00. The six fields are those of EventBridge Scheduler: minutes,
    hours, day of month, month, day of week, year."""
    rate: str | None = None
    """`6 hours`: a regular interval, instead of `cron`. Intervals count from the start of 1970, UTC."""
    timezone: str = "UTC"
    """`Europe/Zurich`: the IANA time zone of `cron`, with its daylight saving time."""


class ModelApprovedTrigger(AnyTrigger):
    """Starts a run when a model version is approved in the registry."""

    type: Literal["model-approved"]
    """The type of trigger."""
    group: AwsName | None = None
    """`house-price`: the model package group. Default: the group of the document's register stage."""


class UpstreamTrigger(AnyTrigger):
    """Starts a run when a run of another pipeline succeeds."""

    type: Literal["upstream"]
    """The type of trigger."""
    pipeline: PipelineName
    """`sales-features`: the name of the other pipeline."""
    stage: StageName | None = None
    """`publish`: starts a run only if this stage of the other pipeline succeeded, or reused a result with the
    same inputs. A disabled or skipped stage does not count."""


Trigger = Annotated[
    CodeTrigger | DataTrigger | ScheduleTrigger | ModelApprovedTrigger | UpstreamTrigger,
    Field(discriminator="type"),
]

TRIGGERS: Mapping[str, type[AnyTrigger]] = {
    "code": CodeTrigger,
    "data": DataTrigger,
    "schedule": ScheduleTrigger,
    "model-approved": ModelApprovedTrigger,
    "upstream": UpstreamTrigger,
}
"""`type` -> model."""
