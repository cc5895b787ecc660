"""Lambda stages, from the document to the function process and back."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.e2e.places import Place

from stagewright.local import server

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DOCUMENT = """\
name: calls
parameters: {rate: 0.5, mode: good}
sample_functions: {measure: functions/measure.py:handler}
stages:
  measure:
    kind: lambda
    function: measure
    payload: {rate: "${parameters.rate}", mode: "${parameters.mode}", list: [1, "${run.id}"]}
    max_runtime_seconds: 300
  tell:
    kind: lambda
    function: measure
    payload:
      mode: good
      rate: "${stages.measure.metrics.rate}"
      text: "it said ${stages.measure.answer.said}"
      whole: "${stages.measure.answer.said}"
"""
FUNCTION = """\
import time


class RefusedError(Exception):
    pass


def handler(event, context):
    match event["mode"]:
        case "raise":
            raise RefusedError('no "such" rate\\nat all')
        case "text":
            return "just text"
        case "sleep":
            time.sleep(60)
    said = f"got {sorted(event.items())}"
    return {"rate": event["rate"] * 2, "ok": True, "said": said, "none": None, "deep": {"x": 1}}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(
        tmp_path_factory.mktemp("calls") / "place",
        DOCUMENT,
        {"functions/measure.py": FUNCTION, "code/none.txt": ""},
    )
    server.up(made.state)
    yield made
    server.down(made.state)


def test_function_response_becomes_typed_metrics_and_string_answers(place: Place) -> None:
    ran = place.json("run", ".")
    stages = {stage["name"]: stage for stage in ran["stages"]}
    first, second = stages["measure"]["result"], stages["tell"]["result"]
    assert first["metrics"] == {"rate": 1}
    payload = {"rate": 0.5, "mode": "good", "list": [1, ran["run"]]}
    assert first["answer"] == {"ok": "true", "said": f"got {sorted(payload.items())}"}
    # The number came as a number (1 * 2), texts as texts; and nothing came that was not asked for.
    told = {
        "mode": "good",
        "rate": 1,
        "text": f"it said got {sorted(payload.items())}",
        "whole": f"got {sorted(payload.items())}",
    }
    assert second["metrics"] == {"rate": 2}
    assert second["answer"]["said"] == f"got {sorted(told.items())}"
    item = place.gateway().runs.stages(ran["run"])["measure"]
    assert json.loads(json.dumps(item.result["metrics"])) == {"rate": 1}


def test_changed_function_payload_appears_in_plan_reason(place: Place) -> None:
    place.json("run", ".")
    again = place.json("plan", ".", "-p", "rate=0.75")
    reasons = {stage["name"]: stage["reason"] for stage in again["stages"]}
    assert "payload.rate 0.5 -> 0.75" in reasons["measure"]


@pytest.mark.parametrize(
    ("mode", "error", "cause"),
    [
        ("raise", "RefusedError", 'no "such" rate\nat all'),
        (
            "text",
            "States.QueryEvaluationError",
            "the response of the function is not a JSON object, but the string just text",
        ),
        ("sleep", "States.Timeout", "it did not end within 2 seconds"),
    ],
)
def test_function_error_fails_stage_with_its_cause(place: Place, mode: str, error: str, cause: str) -> None:
    limit = 2 if mode == "sleep" else 300
    (place.folder / "pipeline.yaml").write_text(DOCUMENT.replace("seconds: 300", f"seconds: {limit}"))
    ran = place.json("run", ".", "-p", f"mode={mode}", code=6)
    failed = next(stage for stage in ran["stages"] if stage["name"] == "measure")
    assert (failed["status"], failed["error"]) == ("FAILED", error)
    assert failed["cause"] == cause
    assert next(stage for stage in ran["stages"] if stage["name"] == "tell")["status"] == "NOT_RUN"
