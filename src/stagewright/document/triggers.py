"""What starts a run: one model for each type of trigger, joined into one discriminated union."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from stagewright.syntax.fields import Accepts, AwsName, Duration, Model, Name, PipelineName, Scalar, StageName


def has_code_trigger(document: Mapping[str, Any]) -> bool:
    """Whether a pushed release of this document (as JSON has it) starts a run."""
    return any(trigger.get("type") == "code" for trigger in document.get("triggers", ()))


def trigger_name(listens: Mapping[str, Any]) -> str:
    """Of the trigger that listens to this; short, and the same as long as it does."""
    text = json.dumps(dict(listens), sort_keys=True)
    return f"{listens['type']}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


class AnyTrigger(Model):
    """What every trigger has."""

    only: tuple[StageName, ...] = ()
    """Stages that may run; all others lend their last good result. Left out: all that are on."""
    parameters: Mapping[Name, Annotated[Scalar, Accepts(known="plan", roots=("trigger",))]] = Field(
        default_factory=dict
    )
    """Values of declared parameters in the runs that this starts, such as `${trigger.date}`."""
    cooldown: Duration | None = None
    """After a run that it started, the trigger is deaf for this time. What it drops is listed."""

    @property
    def filter(self) -> Mapping[str, Any]:
        """Which events it is for. Two versions of a document with the same have the same trigger."""
        return self.model_dump(exclude=set(AnyTrigger.model_fields))


class CodeTrigger(AnyTrigger):
    """A pushed release starts a run."""

    type: Literal["code"]
    """What starts the run."""


class DataTrigger(AnyTrigger):
    """An object that arrives in the bucket starts a run."""

    type: Literal["data"]
    """What starts the run."""
    prefix: str
    """Of the object's key, such as `raw/house-price/`. `staging/`, `manifests/`, `releases/`, `code/`,
    `runs/` and `glue/` are the framework's."""
    suffix: str = ""
    """Of the object's key, such as `_SUCCESS`: the object that is written last. Each such object starts a
    run."""
    settle: Duration | None = None
    """Starts one run when nothing has arrived for this time, where no object is the last one."""
    date: str | None = None
    """Regular expression with one group, searched in the key: the date that `${trigger.date}` stands for.
    Left out: the first year-month-day or year-month in the key, else the day of the event."""


class ScheduleTrigger(AnyTrigger):
    """The clock starts a run."""

    type: Literal["schedule"]
    """What starts the run."""
    cron: str | None = None
    """Six fields, as EventBridge Scheduler has them: minutes, hours, day of month, month, day of week,
    year."""
    rate: str | None = None
    """Such as `6 hours`, in place of `cron`; counted from the start of 1970, UTC."""
    timezone: str = "UTC"
    """An IANA name, such as `Europe/Zurich`; daylight saving is followed. For `cron` only."""


class ModelApprovedTrigger(AnyTrigger):
    """A version of a model that is approved in the registry starts a run."""

    type: Literal["model-approved"]
    """What starts the run."""
    group: AwsName | None = None
    """Model package group; that of the document's register stage when left out."""


class UpstreamTrigger(AnyTrigger):
    """A good end of another pipeline's run starts a run."""

    type: Literal["upstream"]
    """What starts the run."""
    pipeline: PipelineName
    """The pipeline that runs before."""
    stage: StageName | None = None
    """Only where this stage of it has run well, or its earlier result was as good; a stage that was off has
    not."""


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
"""The value of `type` -> its model."""
