"""The logs of a run: those of its jobs, and what the functions said about it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from stagewright.naming import timestamp
from stagewright.run.gateway import Gateway
from stagewright.run.gateway.logs import LogEvent
from stagewright.run.history import RunRecord, StageRecord, show

GROUPS = {"processing": "/aws/sagemaker/ProcessingJobs", "training": "/aws/sagemaker/TrainingJobs"}
ENDPOINTS = "/aws/sagemaker/Endpoints/"
FUNCTIONS = ("router", "recorder", "sweeper")
PAUSE = 0.5
"""Seconds between two looks while following."""


@dataclass(frozen=True)
class LogLine:
    """`source`: the stage's name, or `function/router`; `time` is ISO 8601 UTC."""

    source: str
    time: str
    text: str


@dataclass(frozen=True)
class _Stream:
    source: str
    group: str
    name: str


def tail(gateway: Gateway, run: str, stage: str | None = None, lines: int = 100) -> list[LogLine]:
    """The last lines of the run's jobs, or of one stage's, by time. NotFoundError: no such run or stage."""
    streams = _streams(gateway, _chosen(show(gateway, run), stage))
    found = [line for stream in streams for line in _after(gateway, stream, "")[0]]
    return sorted(found, key=lambda line: line.time)[-lines:]


def follow(gateway: Gateway, run: str, stage: str | None = None, pause: float = PAUSE) -> Iterator[LogLine]:
    """Every line from the first, as it comes, until the run has ended (or the one stage)."""
    tokens: dict[_Stream, str] = {}
    while True:
        record = show(gateway, run)
        chosen = _chosen(record, stage)
        over = not record.is_open or (stage is not None and chosen[0].status not in ("PLANNED", "RUNNING"))
        for stream in _streams(gateway, chosen):
            new, tokens[stream] = _after(gateway, stream, tokens.get(stream, ""))
            yield from new
        if over:
            return
        time.sleep(pause)


def function_lines(gateway: Gateway, run: str) -> list[LogLine]:
    """What router, recorder and sweeper logged about the run, in order of time."""
    since = int(datetime.fromisoformat(show(gateway, run).created).timestamp() * 1000) - 60_000
    found = [
        _line(f"function/{function}", event)
        for function in FUNCTIONS
        for event in gateway.logs.search(f"/aws/lambda/{gateway.installation.name(function)}", run, since)
    ]
    return sorted(found, key=lambda line: line.time)


def _chosen(record: RunRecord, stage: str | None) -> tuple[StageRecord, ...]:
    return (record.stage(stage),) if stage else record.stages


def _streams(gateway: Gateway, stages: tuple[StageRecord, ...]) -> list[_Stream]:
    """A job's streams are `<job>/algo-<n>-<epoch>` for training and `<job>/algo-<n>-<...>` for processing."""
    places = [
        (stage.name, GROUPS[stage.kind], f"{stage.job}/")
        for stage in stages
        if stage.kind in GROUPS and stage.action == "run" and stage.status not in ("PLANNED", "NOT_RUN")
    ]
    places += [
        (stage.name, f"{ENDPOINTS}{stage.result['endpoint']}", "")
        for stage in stages
        if stage.kind == "endpoint" and stage.result.get("endpoint")
    ]
    return [
        _Stream(source, group, name)
        for source, group, prefix in places
        for name in gateway.logs.streams(group, prefix)
    ]


def _after(gateway: Gateway, stream: _Stream, token: str) -> tuple[list[LogLine], str]:
    lines: list[LogLine] = []
    while True:
        events, following = gateway.logs.read(stream.group, stream.name, token)
        lines += [_line(stream.source, event) for event in events]
        if following == token or not events:
            return lines, following
        token = following


def _line(source: str, event: LogEvent) -> LogLine:
    return LogLine(source, timestamp(datetime.fromtimestamp(event.time / 1000, UTC)), event.text.rstrip("\n"))
