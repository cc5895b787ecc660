"""The shape of what is written changes only together with the number of its format.

If a test fails: does the reader of the last release read the new shape as it is meant? If not, raise the
number in `stagewright.formats` and add a step. If it does, as with an attribute that may be missing, record
the items of the unreleased version again: `python -m tests.formats.record tests/formats/VERSION.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from tests.formats.record import record
from tests.formats.stored import TABLES, VERSIONS, kind, recorded

from stagewright.formats import FORMAT, ITEMS, OBJECTS
from stagewright.planner.model import Trigger
from stagewright.runs.backfill import Backfill
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.stored_plan import PlannedStage, PlanProof
from stagewright.state_machine.builder import build
from stagewright.store.run_items import HEADER_FIELDS
from stagewright.store.trigger_state import Batch

NEWEST = VERSIONS[-1]
JSON = ("backfill", "batch", "chains", "stages", "trigger")
"""Attributes with JSON whose keys are ours, not names of the user's."""


def items(recording: Mapping[str, Any], wanted: str) -> list[dict[str, Any]]:
    return [item for table in TABLES for item in recording[table] if kind(item) == wanted]


def shape(recording: Mapping[str, Any], wanted: str) -> dict[str, set[str]]:
    """Attribute -> its types and the keys of its JSON, of all items of a kind."""
    found: dict[str, set[str]] = {}
    for item in items(recording, wanted):
        for name, value in item.items():
            ((type_name, content),) = value.items()
            found.setdefault(name, set()).update({type_name, *(keys(content) if name in JSON else ())})
    return found


def keys(text: str) -> Iterator[str]:
    """The keys of one object, or of the objects in lists of lists."""
    pending = [json.loads(text)]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value
        elif isinstance(value, dict):
            yield from value


def updates() -> Iterator[tuple[str, set[str]]]:
    """(kind, attributes) of every UpdateItem of the state machine."""
    pending: list[Any] = [build()]
    while pending:
        value = pending.pop()
        pending += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if not isinstance(value, dict) or "dynamodb:updateItem" not in str(value.get("Resource", "")):
            continue
        arguments = value["Arguments"]
        names, key = arguments["ExpressionAttributeNames"], arguments["Key"]["item"]["S"]
        (written,) = [name for name in ("stage", "attempt", "endpoint") if f"'{name}#'" in key or key == name]
        yield written, {names[name] for name in re.findall(r"#\w+", arguments["UpdateExpression"])}


def test_attributes_that_the_state_machine_writes_are_recorded() -> None:
    written: dict[str, set[str]] = {}
    for wanted, names in updates():
        written.setdefault(wanted, set()).update(names)
    assert written.keys() == {"stage", "attempt", "endpoint"}
    for wanted, names in written.items():
        known = set(shape(recorded(NEWEST), wanted)) | {"lock"}  # a lock lasts for a deployment
        assert names <= known, wanted
        assert FORMAT in names, wanted


def test_fields_that_python_writes_are_recorded() -> None:
    run = shape(recorded(NEWEST), "run")
    assert set(run) == {"run", "item", "trigger", "open", FORMAT, *HEADER_FIELDS}
    for wanted, attribute, written in (
        ("run", "trigger", {field.name for field in fields(Trigger)}),
        ("stages", "stages", {field.name for field in fields(PlannedStage)}),
        ("backfill", "backfill", {field.name for field in fields(Backfill)}),
        ("batch", "batch", {field.name for field in fields(Batch)} - {"last", "requested"}),
    ):
        assert shape(recorded(NEWEST), wanted)[attribute] == {"S", *written}, wanted


def test_fields_of_objects_belong_to_their_format() -> None:
    optional = {"commit", "parameters", "by", "force", "environment", "promoted", "resumes", "only", "start",
                "skip", "bypass", "reason", "date"}  # fmt: skip
    required = {"format", "pipeline", "document", "documents", "files"}
    assert (OBJECTS["manifest"], set(manifests._ManifestSchema.model_fields)) == (1, required | optional)
    proofs = [json.loads(body) for key, body in recorded(NEWEST)["objects"].items() if "/plans/" in key]
    written = {name for proof in proofs for name in proof}
    assert (OBJECTS["proof"], written) == (1, {"format", *(field.name for field in fields(PlanProof))})


def test_terraform_writes_the_same_formats() -> None:
    module = (Path(__file__).parents[2] / "infra/modules/pipeline/main.tf").read_text()
    (layer,) = re.findall(r'format +=\s*\{ N = "(\d+)" \}', module)
    assert ITEMS["base"] == ITEMS["environment"] == int(layer)
    announcement, manifest = map(int, re.findall(r"format += (\d+)", module))
    assert (announcement, manifest) == (OBJECTS["announcement"], OBJECTS["manifest"])


@pytest.mark.slow
def test_shape_of_what_is_written_has_not_changed(tmp_path: Path) -> None:
    """What this code writes through the local target, next to what was recorded with the same numbers."""
    now, then = record(tmp_path / "place"), recorded(NEWEST)
    assert {kind(item) for table in TABLES for item in now[table]} == set(ITEMS)
    for wanted, number in ITEMS.items():
        if {int(item[FORMAT]["N"]) for item in items(then, wanted)} == {number}:
            assert shape(now, wanted) == shape(then, wanted), wanted
