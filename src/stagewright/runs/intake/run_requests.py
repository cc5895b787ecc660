"""Run requests: by people and programs, and by our own functions for a pipeline's triggers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from stagewright.document.pipeline import STAGE_LIMIT
from stagewright.document.triggers import CodeTrigger, trigger_name
from stagewright.naming import Installation
from stagewright.planner.model import Trigger
from stagewright.runs.own_events import RUN_REQUESTED, TRIGGER_FIRED, request_key
from stagewright.runs.releases.manifest import code_key
from stagewright.syntax.dates import date_in
from stagewright.syntax.fields import PIPELINE_NAME, PipelineName, Scalar
from stagewright.syntax.findings import nearest


class MalformedError(ValueError):
    """A message that no delivery can make valid. It goes to the dead-letter queue."""


@dataclass(frozen=True)
class RunRequest:
    """A run that an event requests.

    `version`: of the manifest; empty for the current one. `revision`: of the document; 0 for the current one.
    With a revision, an empty version means no code. `trigger_filter`: identifies the document's trigger that
    requests the run; None: no trigger does. `any_release`: a person asks for exactly this version, even if a
    newer push has run. `sender`: who sent the message, as SQS recorded it.
    """

    pipeline: str
    trigger: Trigger
    version: str = ""
    force: bool = False
    trigger_filter: Mapping[str, Any] | None = None
    revision: int = 0
    any_release: bool = False
    sender: str = ""

    @property
    def is_push(self) -> bool:
        return self.trigger.type == "code" and bool(self.version)

    @property
    def trigger_name(self) -> str:
        """Name of the document's trigger; empty: no trigger requests the run."""
        return trigger_name(self.trigger_filter) if self.trigger_filter else ""


def _iso(text: str) -> str:
    if text and date_in(text) != text:
        raise ValueError("a date is written 2026-01-31 or 2026-01")
    return text


class _Requested(BaseModel, extra="forbid"):
    """Detail of `Run Requested`.

    `resumes`: a run whose trigger replaces `type`, `parameters`, `date` and the selection. `version`: of the
    manifest, if not the current one. `revision`: pinned by a backfill. Unknown keys are rejected: with a
    misspelled `skip`, every stage would run.
    """

    installation: str | None = None
    pipeline: PipelineName
    request: str = Field(min_length=1, max_length=128)
    type: Literal["manual", "backfill"] = "manual"
    parameters: dict[str, Scalar] = Field(default={}, max_length=1_000)
    date: Annotated[str, AfterValidator(_iso)] = ""
    by: str = ""
    force: bool = False
    only: tuple[str, ...] = Field((), max_length=STAGE_LIMIT)
    start: tuple[str, ...] = Field((), max_length=STAGE_LIMIT)
    skip: tuple[str, ...] = Field((), max_length=STAGE_LIMIT)
    bypass: tuple[str, ...] = Field((), max_length=STAGE_LIMIT)
    reason: str = Field(default="", max_length=1_000)
    resumes: str = ""
    revision: Annotated[int, Field(ge=0)] = 0
    version: str = ""

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if self.type != "backfill" and self.revision:
            raise ValueError("revision is for runs of a backfill")
        return self


class _Fired(BaseModel):
    """Detail of `Trigger Fired`."""

    pipeline: PipelineName
    trigger_filter: dict[str, Any]
    type: str
    key: str
    date: str = ""
    uri: str = ""
    package: str = ""
    run: str = ""
    chain: tuple[str, ...] = ()


class _Consumed(BaseModel):
    """Body of a record, as AWS's sample "Build a Reusable MLOps Framework" sends it."""

    consumption_pipeline_name: str = Field(min_length=1)
    dataset_date: str = ""
    event_source: str = ""


def of_push(pipeline: str, version: str, time: str) -> RunRequest:
    """The request of a push. `version`: of its manifest. `time`: of its event."""
    trigger = Trigger("code", code_key(pipeline, version), time)
    return RunRequest(pipeline, trigger, version, trigger_filter=CodeTrigger(type="code").filter)


def requested(detail: Any, time: str) -> RunRequest:
    """The request in the detail of `Run Requested`."""
    body = _validated(_Requested, detail, RUN_REQUESTED)
    fields = {"type", "by", "parameters", "date", "only", "start", "skip", "bypass", "reason", "resumes"}
    key = request_key("resume" if body.resumes else body.type, body.request)
    trigger = Trigger(key=key, time=time, **body.model_dump(include=fields))
    pinned = body.model_dump(include={"version", "revision"})
    return RunRequest(body.pipeline, trigger, force=body.force, **pinned)


def fired(detail: Any, time: str) -> RunRequest:
    """The request in the detail of `Trigger Fired`."""
    body = _validated(_Fired, detail, TRIGGER_FIRED)
    fields = body.model_dump(include={"date", "uri", "package", "run", "chain"})
    trigger = Trigger(body.type, body.key, time, **fields)
    return RunRequest(body.pipeline, trigger, trigger_filter=body.trigger_filter)


def direct(
    body: Mapping[str, Any], installation: Installation, message_id: str, sent: str
) -> Iterator[RunRequest]:
    """The requests in a message without an event: one of ours, or those of AWS's sample under `Records`."""
    if "Records" not in body:
        yield requested({"request": message_id, **body}, sent)
        return
    for number, record in enumerate(body["Records"]):
        content = record["body"]
        content = json.loads(content) if isinstance(content, str) else content
        yield _consumed(content, installation, f"{message_id}:{number}", sent)


def _consumed(content: Any, installation: Installation, request: str, sent: str) -> RunRequest:
    body = _validated(_Consumed, content, "Records[].body")
    name = body.consumption_pipeline_name.removeprefix(f"{installation.id}-")
    if not re.fullmatch(PIPELINE_NAME, name) or len(name) > 40:
        raise MalformedError(f"Records[].body: {name!r} is not a pipeline name")
    date = date_in(body.dataset_date)
    if body.dataset_date and not date:
        raise MalformedError(f"Records[].body: dataset_date {body.dataset_date!r} has no date in it")
    key = request_key("manual", request)
    return RunRequest(name, Trigger("manual", key, sent, body.event_source, date=date))


def _validated(model: Any, detail: Any, source: str) -> Any:
    """The model's instance. MalformedError: the detail does not fit the model.

    UnicodeEncodeError: the detail holds half of a surrogate pair, which JSON allows and DynamoDB does not.
    """
    json.dumps(detail, ensure_ascii=False).encode()
    try:
        return model.model_validate(detail)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            remedy = nearest(path, model.model_fields, "keys")
            raise MalformedError(f'{source}: unknown key "{path}" ({remedy})') from None
        raise MalformedError(f"{source}: {path}: {first['msg']}") from None
