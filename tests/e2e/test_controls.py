"""Ways around a gate or an approval from the command line. None of them runs what is behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.e2e.places import Place
from tests.support.waiting import until

from stagewright.local import server
from stagewright.runs import approvals

pytestmark = pytest.mark.e2e

DOCUMENT = """\
name: gate-bypass
parameters: {limit: 0.5, seed: 1}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  a: {kind: processing, code: work.py, arguments: ["${parameters.seed}"], outputs: [made],
      metrics_file: made/metrics.json}
  quality: {kind: gate, require: "${stages.a.metrics.r2} >= ${parameters.limit}"}
  ok: {kind: approval, after: [a, quality]}
  live: {kind: processing, code: work.py, outputs: [made], after: [ok]}
"""
WORK = """\
import pathlib
pathlib.Path("/opt/ml/processing/output/made/metrics.json").write_text('{"r2": 0.7}')
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("controls") / "place", DOCUMENT, {"code/work.py": WORK})
    server.up(made.state)
    yield made
    server.down(made.state)


def waiting(place: Place, run: str) -> None:
    until(lambda: any(item.run == run for item in approvals.waiting(place.gateway())))


def states(place: Place, run: str) -> dict[str, str]:
    return {stage.name: stage.status for stage in place.ended(run).stages}


@pytest.mark.slow
def test_queued_run_that_skips_an_approval_does_not_run_what_was_rejected(place: Place) -> None:
    first = place.begun()
    waiting(place, first)
    queued = place.begun("--skip", "ok")
    place("reject", first, "ok", "--why", "no")
    assert states(place, first)["live"] == "NOT_RUN"
    assert states(place, queued) == {"a": "REUSED", "quality": "REUSED", "ok": "SKIPPED", "live": "SKIPPED"}
    assert "guarded by ok (skipped in this run" in place("show", queued).stdout


def test_command_refuses_and_says_how(place: Place) -> None:
    named = place("run", ".", "--only", "live", code=6)
    assert "REJECTED: only: live is guarded by ok" in named.stderr
    assert "add --bypass ok --reason TEXT" in named.stderr
    assert "guarded by" in place("plan", ".", "--skip", "quality", "-p", "seed=9").stdout
    for setting in ("stages.ok.enabled=false", "stages.quality.require=1 > 0"):
        refused = place("set", "gate-bypass", setting, code=2)
        assert "overrides may not change this field" in refused.stderr


def test_threshold_of_a_run_can_only_be_raised(place: Place) -> None:
    (place.folder / "pipeline.yaml").write_text(DOCUMENT.replace("limit: 0.5", "limit: 0.9"))
    lowered = place.ended(place.begun("-p", "limit=0.1"))
    assert lowered.status == "FAILED"
    assert "a.metrics.r2 >= 0.9 does not hold: 0.7 >= 0.9" in lowered.reason
    (place.folder / "pipeline.yaml").write_text(DOCUMENT)
    raised = place.ended(place.begun("-p", "limit=0.95"))
    assert "a.metrics.r2 >= 0.95 does not hold: 0.7 >= 0.95" in raised.reason


def test_bypass_runs_it_and_is_on_record(place: Place) -> None:
    run = place.begun("--bypass", "ok", "--reason", "the customer is down", "-p", "seed=2")
    assert states(place, run)["live"] == "SUCCEEDED"
    note = "ok bypassed by "
    assert note in place("show", run).stdout
    assert "the customer is down" in place("show", run).stdout
    assert note in place("runs").stdout
    trigger = place.gateway().runs.header(run).trigger
    assert (trigger.bypass, trigger.reason) == (("ok",), "the customer is down")
    assert trigger.bypassed_by
    refused = place("run", ".", "--bypass", "ok", code=3)
    assert "--bypass and --reason belong together" in refused.stderr
