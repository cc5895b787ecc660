"""What a target answered: outputs of `.sync` tasks, errors, events; without what belongs to an account."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "tests" / "fidelity" / "recordings"
ACCOUNT = "123456789012"
GROUPS = ("tasks", "failures", "events")
"""Files of the folder. Its other files are the answers to facts (tools/aws_facts)."""
_SCRUBBED = (
    (re.compile(r"(?<!\d)\d{12}(?!\d)"), ACCOUNT),
    (re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}\b"), "AKIAEXAMPLE"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "00000000-0000-0000-0000-000000000000"),
    (re.compile(r"(?<=assumed-role/)[^\"\\ ]+"), "role/session"),
    (re.compile(r"(?<=:user/)[^\"\\ ]+"), "user"),
)

Records = dict[str, dict[str, Any]]


def scrubbed(value: Any, bucket: str = "") -> Any:
    """The same with other account numbers, key ids, request ids, callers, and bucket name."""
    text = json.dumps(value, default=str)
    for pattern, stand_in in _SCRUBBED:
        text = pattern.sub(stand_in, text)
    return json.loads(text.replace(bucket, "recorded-bucket") if bucket else text)


def of_history(events: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    """`tasks` or `failures`, the task's resource, its output or error, of an execution's history."""
    for event in events:
        if succeeded := event.get("taskSucceededEventDetails"):
            yield "tasks", _task(succeeded), json.loads(succeeded.get("output") or "null")
        for kind in ("taskFailedEventDetails", "taskSubmitFailedEventDetails"):
            if failed := event.get(kind):
                yield "failures", _task(failed), {"error": failed.get("error"), "cause": _cause(failed)}


def of_events(events: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    """`events`, what it is, and the event; the first of each status is kept."""
    for event in events:
        yield "events", f"{event['source']} {event['detail-type']} {_status(event['detail'])}".strip(), event


def gathered(found: Iterable[tuple[str, str, Any]], bucket: str) -> Records:
    """The first of each sort."""
    records: Records = {group: {} for group in GROUPS}
    for group, name, value in found:
        records[group].setdefault(name, scrubbed(value, bucket))
    return records


def write(records: Records, folder: Path = FOLDER) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for group, values in records.items():
        path = folder / f"{group}.json"
        path.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n")
        paths.append(path)
    return paths


def read(folder: Path = FOLDER) -> Records:
    """Empty where nothing was recorded."""
    paths = ((group, folder / f"{group}.json") for group in GROUPS)
    return {group: json.loads(path.read_text()) for group, path in paths if path.exists()}


def differences(recorded: Records, here: Records) -> list[str]:
    """Where the local target has other fields, or fields of other types, than AWS had."""
    found = []
    for group, values in recorded.items():
        for name, value in values.items():
            if name not in here.get(group, {}):
                found.append(f"{group}: {name} is not there")
            else:
                found += [f"{group}: {name}: {each}" for each in _unlike(value, here[group][name], "$")]
    return found


def _unlike(recorded: Any, here: Any, path: str) -> Iterator[str]:
    match recorded, here:
        case dict(), dict():
            yield from (f"{path}.{key} is missing" for key in recorded.keys() - here.keys())
            for key in recorded.keys() & here.keys():
                yield from _unlike(recorded[key], here[key], f"{path}.{key}")
        case list(), list() if recorded and here:
            yield from _unlike(recorded[0], here[0], f"{path}[0]")
        case _ if _sort(recorded) != _sort(here):
            yield f"{path} is {_sort(here)}, not {_sort(recorded)}"


def _sort(value: Any) -> str:
    kind = type(value).__name__
    return "number" if kind in ("int", "float") else kind


def _status(detail: Mapping[str, Any]) -> str:
    return next((str(value) for name, value in detail.items() if name.lower().endswith("status")), "")


def _task(details: Mapping[str, Any]) -> str:
    """AWS splits a resource; the local target gives its whole ARN."""
    resource = details["resource"].rpartition(":::")[2]
    return f"{details['resourceType']}:{resource}" if "resourceType" in details else resource


def _cause(details: Mapping[str, Any]) -> Any:
    """Of `.sync` tasks JSON, of others a sentence."""
    cause = details.get("cause") or ""
    try:
        return json.loads(cause)
    except ValueError:
        return cause
