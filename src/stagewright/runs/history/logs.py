"""The logs of a run: those of its jobs and endpoints, and the lines of the functions about it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from stagewright.aws.logs import LogEvent
from stagewright.errors import NotFoundError
from stagewright.naming import item_of, stage_of, timestamp
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs.history.records import RunRecord, StageRecord
from stagewright.runs.history.run_history import show
from stagewright.runs.stored_plan import on_page
from stagewright.stages.registry import recorded_kind

FUNCTIONS = ("router", "recorder", "sweeper", "smoke-test")
LATE = 5.0
"""Seconds after the end of a run in which the first line of its endpoint still belongs to it."""
PAUSE = 0.5
"""Seconds between two reads while following."""


@dataclass(frozen=True)
class LogLine:
    """One line. `time` is ISO 8601 UTC.

    `source` is the name of the stage, for a tuning stage with the number of the training job (`tune/003`), or
    the function (`function/router`).
    """

    source: str
    time: str
    text: str


@dataclass(frozen=True)
class _Stream:
    """A log stream. It belongs to the run if its first line is between `since` and `until` (epoch seconds).

    0 means no limit.
    """

    source: str
    group: str
    name: str
    since: float = 0
    until: float = 0


@dataclass(frozen=True)
class _Logged:
    """A stage, and the run whose job or endpoint it used."""

    run: RunRecord
    stage: StageRecord


def origin(gateway: OperatorGateway, record: RunRecord, stage: str) -> str:
    """Return the run that has the log of a stage: another run if the stage reused its result.

    Raises NotFoundError if there is no such stage, or if it has no log.
    """
    return _chosen(gateway, record, stage)[0].run.run


def tail(
    gateway: OperatorGateway, record: RunRecord, stage: str | None = None, lines: int = 100
) -> list[LogLine]:
    """Return the last lines of the run's jobs, or of one stage, by time.

    Raises NotFoundError if there is no such stage.
    """
    streams = _streams(gateway, _chosen(gateway, record, stage))
    logged = [line for stream in streams for line in _last(gateway, stream, lines)]
    return sorted(logged, key=lambda line: line.time)[-lines:]


def search(
    gateway: OperatorGateway, record: RunRecord, text: str, stage: str | None = None, lines: int = 100
) -> list[LogLine]:
    """Return the last lines that contain a text, by time. Searches the whole logs of the stages that ran.

    Raises NotFoundError if there is no such stage.
    """
    streams = _streams(gateway, _chosen(gateway, record, stage))
    found = [line for stream in streams for line in _found(gateway, stream, text)]
    return sorted(found, key=lambda line: line.time)[-lines:]


def follow(
    gateway: OperatorGateway, run: str, stage: str | None = None, pause: float = PAUSE
) -> Iterator[LogLine]:
    """Yield every line, from the first on, until the run or the stage has ended. Reads page by page."""
    tokens: dict[_Stream, str] = {}
    while True:
        record = show(gateway, run)
        chosen = _chosen(gateway, record, stage)
        over = not record.is_open or (
            stage is not None and bool(chosen) and chosen[0].stage.status not in ("PLANNED", "RUNNING")
        )
        earlier = dict(tokens)
        lines: list[LogLine] = []
        for stream in _streams(gateway, chosen):
            new, tokens[stream] = _after(gateway, stream, tokens.get(stream, ""))
            lines += new
        yield from sorted(lines, key=lambda line: line.time)
        if over and tokens == earlier:
            return
        if tokens == earlier:
            time.sleep(pause)


def function_lines(gateway: OperatorGateway, run: str) -> list[LogLine]:
    """Return the lines of router, recorder and sweeper about the run, by time."""
    since = int(datetime.fromisoformat(show(gateway, run).created).timestamp() * 1000) - 60_000
    lines = [
        _line(f"function/{function}", event)
        for function in FUNCTIONS
        for event in gateway.logs.search(f"/aws/lambda/{gateway.installation.name(function)}", run, since)
    ]
    return sorted(lines, key=lambda line: line.time)


def _chosen(gateway: OperatorGateway, record: RunRecord, stage: str | None) -> tuple[_Logged, ...]:
    """Return the named stage, or else the stages that this run ran itself. A queued run has no stages.

    The name of a stage with `for_each` stands for its instances that this run ran itself.
    """
    ran = [item for item in record.stages if item.action == "run"]
    if stage and record.status != "QUEUED":
        instances = [item for item in ran if item_of(item.name) and stage_of(item.name) == stage]
        return tuple(_Logged(record, item) for item in instances) or (_logged(gateway, record, stage),)
    return tuple(_Logged(record, item) for item in ran)


def _logged(gateway: OperatorGateway, record: RunRecord, name: str) -> _Logged:
    stage = record.stage(name)
    if not recorded_kind(stage.kind).has_log:
        raise NotFoundError(
            f"{name} has no log: it is a stage of kind {stage.kind}", f"stagewright show {record.run}"
        )
    if stage.action == "skip":
        raise NotFoundError(f"{name} is disabled and has never run", "enable it: enabled: true")
    if not stage.reused_from:
        return _Logged(record, stage)
    source = show(gateway, stage.reused_from)
    return _Logged(source, source.stage(name))


def _streams(gateway: OperatorGateway, chosen: tuple[_Logged, ...]) -> list[_Stream]:
    return [
        stream
        for logged in chosen
        if logged.stage.status not in ("PLANNED", "NOT_RUN")
        for stream in _streams_of(gateway, logged)
    ]


def _streams_of(gateway: OperatorGateway, logged: _Logged) -> list[_Stream]:
    """Return the streams of a stage. All logs of a kind have the same writer."""
    logs = recorded_kind(logged.stage.kind).schema.logs
    if not logs:
        return []
    groups = [log.group for log in logs]
    match logs[0].writer:
        case "job":
            return [stream for group in groups for stream in _job_streams(gateway, logged.stage, group)]
        case "child jobs":
            return [stream for group in groups for stream in _child_job_streams(gateway, logged.stage, group)]
        case "job run":
            return _job_run_streams(gateway, logged.stage, groups)
        case "endpoint":
            return [stream for group in groups for stream in _endpoint_streams(gateway, logged, group)]


def _job_streams(gateway: OperatorGateway, stage: StageRecord, group: str) -> list[_Stream]:
    """Return the streams of a processing, training or transform job. Their names start with `<job>/`.

    SageMaker developer guide, "Log Groups and Streams that Amazon SageMaker Sends to CloudWatch Logs".
    """
    return [_Stream(stage.name, group, name) for name in gateway.logs.streams(group, f"{stage.job}/")]


def _child_job_streams(gateway: OperatorGateway, stage: StageRecord, group: str) -> list[_Stream]:
    """Return the streams of a tuning job's training jobs, which are named `<tuning job>-<number>-<hash>`.

    SageMaker API reference, CreateHyperParameterTuningJob. The number becomes part of the source.
    """
    prefix = f"{stage.job}-"
    names = gateway.logs.streams(group, prefix)
    return [
        _Stream(f"{stage.name}/{name.removeprefix(prefix).partition('-')[0]}", group, name) for name in names
    ]


def _endpoint_streams(gateway: OperatorGateway, logged: _Logged, group: str) -> list[_Stream]:
    """Return the streams of an endpoint. Each instance has one.

    A stream that starts during the run belongs to the run, with all later lines.
    """
    group += _endpoint(gateway, logged)
    since, until = _seconds(logged.run.created), _seconds(logged.run.ended)
    last = until and until + LATE
    names = gateway.logs.streams(group, "")
    return [_Stream(logged.stage.name, group, name, since, last) for name in names]


def _job_run_streams(gateway: OperatorGateway, stage: StageRecord, groups: list[str]) -> list[_Stream]:
    """Return the streams of a Glue job run. Their names start with its id.

    AWS Glue developer guide, "Logging for AWS Glue jobs".
    """
    run = stage.result.get("job")
    if not run:
        job_run = gateway.glue.find(stage.definition, stage.job)
        if job_run is None:
            return []
        run = job_run.id
    return [_Stream(stage.name, group, name) for group in groups for name in gateway.logs.streams(group, run)]


def _endpoint(gateway: OperatorGateway, logged: _Logged) -> str:
    """Return the name of the endpoint from the stage's result, or else from its request."""
    run, stage = logged.run, logged.stage
    if named := stage.result.get("endpoint"):
        return str(named)
    if planned := on_page(gateway, run.run, run.plan, stage.name):
        return str(json.loads(planned["requests"]["CreateEndpoint"])["EndpointName"])
    raise NotFoundError(f"{stage.name} of {run.run} has requested no endpoint", f"stagewright show {run.run}")


def _seconds(time_text: str) -> float:
    return datetime.fromisoformat(time_text).timestamp() if time_text else 0


def _last(gateway: OperatorGateway, stream: _Stream, count: int) -> list[LogLine]:
    """Return the last lines of a stream, oldest first."""
    if not _is_of_run(gateway, stream):
        return []
    events = gateway.logs.last(stream.group, stream.name, count)
    return [_line(stream.source, event) for event in events if event.time >= stream.since * 1000]


def _found(gateway: OperatorGateway, stream: _Stream, text: str) -> Iterator[LogLine]:
    if _is_of_run(gateway, stream):
        for event in gateway.logs.search(stream.group, text, int(stream.since * 1000), stream.name):
            yield _line(stream.source, event)


def _after(gateway: OperatorGateway, stream: _Stream, token: str) -> tuple[list[LogLine], str]:
    """Return a page of lines after `token`, and the next token. At the end of the stream it is the same."""
    if not token and not _is_of_run(gateway, stream):
        return [], token
    events, following = gateway.logs.read(stream.group, stream.name, token, int(stream.since * 1000))
    return [_line(stream.source, event) for event in events], following


def _is_of_run(gateway: OperatorGateway, stream: _Stream) -> bool:
    """Return whether the first line in the time of the run is not after its end."""
    token = ""
    events: list[LogEvent] = []
    while stream.until and not events:
        events, following = gateway.logs.read(stream.group, stream.name, token, int(stream.since * 1000))
        if following == token:
            break
        token = following
    return not events or events[0].time <= stream.until * 1000


def _line(source: str, event: LogEvent) -> LogLine:
    return LogLine(source, timestamp(datetime.fromtimestamp(event.time / 1000, UTC)), event.text.rstrip("\n"))
