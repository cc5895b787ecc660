"""Values of references that are known while a run is planned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from stagewright.document.pipeline import Pipeline
from stagewright.document.triggers import trigger_name
from stagewright.naming import RUNS, Installation
from stagewright.planner.model import Trigger
from stagewright.syntax.references import Reference, find_references, render

Lookup = Callable[[Reference], Any]
Values = Mapping[tuple[str, ...], Any]


def event_time(trigger: Trigger) -> datetime:
    """Return the time of the event in UTC. Raises ValueError if it is not ISO 8601."""
    time = datetime.fromisoformat(trigger.time)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def trigger_values(trigger: Trigger) -> Values:
    """Return the values of `${trigger...}`: path -> value."""
    return {
        ("trigger", "type"): trigger.type,
        ("trigger", "date"): trigger.date or _day(trigger),
        ("trigger", "time"): trigger.time,
        ("trigger", "key"): trigger.key,
        ("trigger", "uri"): trigger.uri,
        ("trigger", "package"): trigger.package,
        ("trigger", "run"): trigger.run,
    }


def trigger_parameters(pipeline: Pipeline, trigger: Trigger) -> dict[str, Any]:
    """Return the `parameters` of the document's trigger that requested the run. Empty without one."""
    declared = next((item for item in pipeline.triggers if trigger_name(item.filter) == trigger.name), None)
    values = trigger_values(trigger)
    return render(dict(declared.parameters), lambda reference: values[reference.path]) if declared else {}


def _day(trigger: Trigger) -> str:
    return f"{event_time(trigger):%Y-%m-%d}"


def document_values(pipeline: Pipeline, trigger: Trigger, installation: Installation, run: str) -> Values:
    """Return the values of all references that need no stage's result: path -> value."""
    values: dict[tuple[str, ...], Any] = {
        ("run", "id"): run,
        ("run", "date"): _day(trigger),
        **trigger_values(trigger),
        ("bucket",): installation.bucket,
        ("region",): installation.region,
        ("account",): installation.account,
        ("environment",): installation.environment,
        ("pipeline",): pipeline.name,
    }
    known = dict(values)
    for name, value in pipeline.parameters.items():
        values["parameters", name] = render(value, lambda reference: known[reference.path])
    values["partition",] = str(render(pipeline.partition, lambda reference: lookup(values, reference)))
    return values


def lookup(values: Values, reference: Reference) -> Any:
    """Return the value of a reference. Raises KeyError if it does not exist, or needs a stage's result."""
    if reference.path[0] == "parameters":
        return values["parameters", ".".join(reference.path[1:])]
    if reference.gathered:
        return gathered_folder(values, reference)
    return values[reference.path]


def gathered_folder(values: Values, reference: Reference) -> str:
    """Return the S3 URI of the folder with one folder per instance: of its output, or its model."""
    _, stage, _, *output = reference.path
    folder = "/".join((stage, *output[1:]))
    return f"s3://{values['bucket',]}/{RUNS}{values['pipeline',]}/{values['run', 'id']}/{folder}/"


def refers_to_stage(text: str) -> bool:
    """Return whether `text` refers to a stage's result."""
    return "${" in text and any(ref.stage or ref.gathered for ref in find_references(text))
