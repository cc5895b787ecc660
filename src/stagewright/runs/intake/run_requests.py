"""Requests for runs: of people and programs, and of our own functions in a pipeline's name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from stagewright.document.pipeline import Pipeline
from stagewright.document.triggers import trigger_name
from stagewright.gateway import Gateway
from stagewright.naming import Installation
from stagewright.planner.model import Trigger
from stagewright.runs import resume, settings
from stagewright.runs.own_events import RUN_REQUESTED, TRIGGER_FIRED, parameters, request_key
from stagewright.runs.releases.manifest import Manifest
from stagewright.store.trigger_state import SkippedEvent
from stagewright.syntax.dates import date_in
from stagewright.syntax.durations import seconds
from stagewright.syntax.fields import PIPELINE_NAME, PipelineName, Scalar
from stagewright.syntax.findings import nearest


class MalformedError(ValueError):
    """A message that is no event of ours, however often it is delivered: the dead-letter queue takes it."""


@dataclass(frozen=True)
class Request:
    """A run that an event asks for. `version`: the manifest's, empty where the current one is meant.
    `revision`: the document's; 0 where it is meant as it is now. With one, no `version` means no code.

    `listens`: of the document's trigger that asks for it; None where nobody's trigger does.
    """

    pipeline: str
    trigger: Trigger
    version: str = ""
    force: bool = False
    listens: Mapping[str, Any] | None = None
    revision: int = 0

    @property
    def is_push(self) -> bool:
        return bool(self.version) and not self.revision


def _iso(text: str) -> str:
    if text and date_in(text) != text:
        raise ValueError("a date is written 2026-01-31 or 2026-01")
    return text


class _Requested(BaseModel, extra="forbid"):
    """`resumes`: a run, whose trigger stands for `type`, `parameters`, `date` and selection. `revision` and
    `version`: what a run of a backfill is made of. Whatever else a message says is refused: behind a misspelt
    `skip`, everything would run."""

    installation: str | None = None
    pipeline: PipelineName
    request: str = Field(min_length=1, max_length=128)
    type: Literal["manual", "backfill"] = "manual"
    parameters: dict[str, Scalar] = {}
    date: Annotated[str, AfterValidator(_iso)] = ""
    by: str = ""
    force: bool = False
    only: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    resumes: str = ""
    revision: Annotated[int, Field(ge=0)] = 0
    version: str = ""

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if self.type != "backfill" and (self.revision or self.version):
            raise ValueError("revision and version are for runs of a backfill")
        return self


class _Fired(BaseModel):
    pipeline: PipelineName
    listens: dict[str, Any]
    type: str
    key: str
    date: str = ""
    uri: str = ""
    package: str = ""
    run: str = ""
    chain: tuple[str, ...] = ()


class _Consumed(BaseModel):
    """The body of a record as AWS's sample "Build a Reusable MLOps Framework" sends it."""

    consumption_pipeline_name: str = Field(min_length=1)
    dataset_date: str = ""
    event_source: str = ""


def manual(detail: Any, time: str) -> Request:
    given = _checked(_Requested, detail, RUN_REQUESTED)
    brought = given.model_dump(
        include={"type", "by", "parameters", "date", "only", "start", "skip", "resumes"}
    )
    key = request_key("resume" if given.resumes else given.type, given.request)
    trigger = Trigger(key=key, time=time, **brought)
    pinned = given.model_dump(include={"version", "revision"})
    return Request(given.pipeline, trigger, force=given.force, **pinned)


def by_trigger(detail: Any, time: str) -> Request:
    given = _checked(_Fired, detail, TRIGGER_FIRED)
    brought = given.model_dump(include={"date", "uri", "package", "run", "chain"})
    return Request(given.pipeline, Trigger(given.type, given.key, time, **brought), listens=given.listens)


def unwrapped(body: Mapping[str, Any], place: Installation, message: str, sent: str) -> Iterator[Request]:
    """Requests that stand in a message as they are: ours, or those of AWS's sample, below `Records`."""
    if "Records" not in body:
        yield manual({"request": message, **body}, sent)
        return
    for number, record in enumerate(body["Records"]):
        given = record["body"]
        given = json.loads(given) if isinstance(given, str) else given
        yield _consumed(given, place, f"{message}:{number}", sent)


def _consumed(body: Any, place: Installation, request: str, sent: str) -> Request:
    given = _checked(_Consumed, body, "Records[].body")
    name = given.consumption_pipeline_name.removeprefix(f"{place.id}-")
    if not re.fullmatch(PIPELINE_NAME, name) or len(name) > 40:
        raise MalformedError(f"Records[].body: {name!r} is no pipeline's name")
    date = date_in(given.dataset_date)
    if given.dataset_date and not date:
        raise MalformedError(f"Records[].body: dataset_date {given.dataset_date!r} has no date in it")
    return Request(
        name, Trigger("manual", request_key("manual", request), sent, given.event_source, date=date)
    )


def _checked(model: Any, detail: Any, what: str) -> Any:
    """UnicodeEncodeError: half of a surrogate pair, which JSON can say and DynamoDB cannot keep."""
    json.dumps(detail, ensure_ascii=False).encode()
    try:
        return model.model_validate(detail)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            remedy = nearest(place, model.model_fields, "keys")
            raise MalformedError(f'{what}: unknown key "{place}" ({remedy})') from None
        raise MalformedError(f"{what}: {place}: {first['msg']}") from None


def _wanted(
    gateway: Gateway, pipeline: Pipeline, request: Request, listens: Mapping[str, Any]
) -> Request | None:
    """The request with what the document's trigger adds; None where it is dropped."""
    found, event = pipeline.trigger_for(listens), request.trigger
    if found is None:
        _drop(gateway, request, "the document has no such trigger any more")
        return None
    deaf = seconds(found.cooldown) if found.cooldown else 0
    if deaf and not gateway.trigger_state.start_cooldown(
        pipeline.name, trigger_name(listens), event.key, event.time, deaf
    ):
        _drop(gateway, request, f"within the trigger's cooldown of {found.cooldown}")
        return None
    only = event.only if event.selection else found.only
    asked = replace(event, only=only, parameters=parameters(found, event))
    return replace(request, trigger=asked)


def _drop(gateway: Gateway, request: Request, reason: str) -> None:
    """Listed first, decided then: what is lost in between is listed again, as the same item."""
    event = request.trigger
    gateway.trigger_state.record_skipped(
        request.pipeline, SkippedEvent(event.time, event.key, event.type, reason)
    )
    gateway.runs.mark_skipped(event.key)
    settings.logger().info("dropped", pipeline=request.pipeline, key=event.key, reason=reason)


def _asked(gateway: Gateway, request: Request, manifest: Manifest | None) -> Request:
    """A push says in its manifest what else it asks for; S3's event cannot. A run that is resumed says it
    all; none of the document's triggers is asked about that."""
    if request.is_push and manifest:
        selection, resumes = vars(manifest.selection), manifest.resumes
        given = replace(request.trigger, by=manifest.by, parameters=manifest.parameters, date=manifest.date)
        trigger = replace(given, resumes=resumes, **selection)
        request = replace(request, trigger=trigger, force=manifest.force)
    if not request.trigger.resumes:
        return request
    trigger = resume.announced(gateway, request.pipeline, request.trigger)
    return replace(request, trigger=trigger, listens=None)
