"""Record an item of every kind as this version writes it, for the tests of later versions.

`python -m tests.formats.record tests/formats/VERSION.json` works with a local server, and writes the items of
the tables `runs` and `documents` and the JSON objects of the bucket. Record once per release, after its last
change of a format number.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from tests.e2e.places import Place
from tests.e2e.test_approvals import AFTER, TRAIN
from tests.e2e.test_endpoint import SCRIPT, archive
from tests.support.waiting import until

from stagewright.document.canonical_json import sha256_of
from stagewright.document.stored_layers import Base
from stagewright.local import server
from stagewright.operator_gateway import OperatorGateway
from stagewright.planner.model import Trigger
from stagewright.runs.history.run_history import show
from stagewright.runs.pending import ANNOUNCED
from stagewright.runs.versions import CONTINUED
from stagewright.store.run_items import HEADER_FIELDS, Header, StageItem
from stagewright.store.run_marks import RUN
from stagewright.store.trigger_state import Batch, SkippedEvent

TIME = "2026-01-31T14:00:00.000Z"
IMAGE = "registry.example/own:1"
DOCUMENT = """\
name: prices
parameters: {seed: 1, wait: 0}
partition: "${trigger.date}"
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
triggers: [{type: code}]
stages:
  flaky: {kind: processing, code: flaky.py, outputs: [made], retry: {attempts: 2, wait: 1s}}
  train: {kind: training, entry_point: train.py, hyperparameters: {seed: "${parameters.seed}"}}
  closed: {kind: gate, require: "${parameters.seed} > 5", else: skip, after: [train]}
  guarded: {kind: processing, code: after.py, outputs: [made], after: [closed]}
  register: {kind: register, model: "${stages.train.model}", entry_point: train.py, group: prices}
  ok: {kind: approval, package: "${stages.register.package}", message: "serve it?", timeout: 7d}
  deploy: {kind: endpoint, model: "s3://${bucket}/models-of-test/one.tar.gz", image: registry.example/own:1}
"""
FAILING = """\
name: failing
parameters: {seed: 1}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  work: {kind: processing, code: flaky.py, arguments: [always], outputs: [made]}
"""
FLAKY = """\
import json, pathlib, sys
job = json.loads(pathlib.Path("/opt/ml/config/processingjobconfig.json").read_text())["ProcessingJobName"]
if sys.argv[1:] or job.endswith("-1"):
    sys.exit("it fails")
pathlib.Path("/opt/ml/processing/output/made/file").write_text("made")
"""
FILES = {"code/train.py": TRAIN, "code/after.py": AFTER, "code/flaky.py": FLAKY}
OBJECTS = ("manifests/", "releases/", "staging/")


class Recording:
    """What the tables and the bucket have held, at any of the moments when `keep` was called."""

    def __init__(self, gateway: OperatorGateway) -> None:
        self.gateway = gateway
        self.items: dict[str, dict[str, dict[str, Any]]] = {"runs": {}, "documents": {}}
        self.objects: dict[str, str] = {}

    def keep(self) -> None:
        for name, found in self.items.items():
            for item in self._scan(self.gateway.installation.name(name)):
                found["/".join(item[key]["S"] for key in _keys(name))] = item
        for prefix in OBJECTS:
            for listed in self.gateway.objects.list(prefix):
                if listed.key.endswith(".json") or "/plans/" in listed.key:
                    self.objects[listed.key] = self.gateway.objects.get(listed.key).body.decode()

    def _scan(self, table: str) -> Iterator[dict[str, Any]]:
        for page in self.gateway.runs.client.get_paginator("scan").paginate(TableName=table):
            yield from page["Items"]

    def to_json(self) -> dict[str, Any]:
        items = {name: [found[key] for key in sorted(found)] for name, found in self.items.items()}
        return {**items, "objects": dict(sorted(self.objects.items()))}


def _keys(table: str) -> tuple[str, str]:
    return ("run", "item") if table == "runs" else ("pipeline", "item")


def record(folder: Path) -> dict[str, Any]:
    place = Place(folder, DOCUMENT, FILES)
    with (place.state / "local.toml").open("a") as file:
        file.write(f'"{IMAGE}" = "{sys.executable}"\n')
    gateway = place.up()
    try:
        recording = Recording(gateway)
        gateway.objects.put("models-of-test/one.tar.gz", archive(SCRIPT.replace("{}", "one")))
        _runs(place, gateway, recording)
        _failed(place, gateway)
        _direct(gateway)
        recording.keep()
        return recording.to_json()
    finally:
        server.down(place.state)


def _runs(place: Place, gateway: OperatorGateway, recording: Recording) -> None:
    """A run that waits for an approval, one that waits for it, and a backfill."""
    run = place.begun()
    place("set", "prices", "parameters.seed=2")
    waiting = place.begun()
    until(lambda: show(gateway, waiting).waits_for == run)
    until(lambda: gateway.approvals.of_run(run))
    recording.keep()
    place("stop", waiting)
    place("approve", "prices", "1", "--why", "good")
    until(lambda: not gateway.runs.is_open(run))
    place("backfill", "prices", "--from", "2026-01", "--to", "2026-01", "--skip", "ok", "--only", "train")
    recording.keep()


def _failed(place: Place, gateway: OperatorGateway) -> None:
    (place.folder / "pipeline.yaml").write_text(FAILING)
    run = place.begun()
    until(lambda: gateway.runs.header(run) is not None and not gateway.runs.is_open(run))
    place("resume", run, code=6)


def _direct(gateway: OperatorGateway) -> None:
    """What lasts for a moment only, or for what a laptop has no cause: written by the same methods."""
    trigger = Trigger("manual", "manual:1", TIME, "ada")
    texts = {field.name: "x" for field in fields(Trigger) if field.type in ("str", str)}
    lists = {field.name: ["x"] for field in fields(Trigger) if field.name not in texts}
    whole = Trigger.from_json(texts | lists | trigger.to_json())
    header = Header("prices-20260131t140000-abcdef", "prices", "REJECTED", whole, TIME)
    ended = replace(header, **{name: "x" for name in HEADER_FIELDS if not getattr(header, name)})
    ended = replace(ended, revision=1, options="{}", cost="")
    gateway.runs.claim(ended)
    gateway.runs.put_stage_if_absent(ended.run, StageItem("late", "NOT_RUN", ended=TIME, cause="x"))
    gateway.runs.put_if_absent({"run": ended.run, "item": f"{ANNOUNCED}ok"})
    gateway.runs.put_if_absent({"run": ended.run, "item": f"{CONTINUED}arn:x", "key": "model-approved:arn:x"})
    bypassing = replace(trigger, key="manual:3", bypass=("closed",), reason="x")
    gateway.runs.claim(Header("prices-20260131t140000-bypass", "prices", "QUEUED", bypassing, TIME))
    gateway.runs.put_usage(ended.run, "[]", "{}", final=False)
    gateway.runs.put_if_absent({"run": "uncounted", "item": f"{RUN}{ended.run}", "since": TIME})
    gateway.runs.mark_skipped("manual:2")
    batch = Batch("prices", {"prefix": "raw/", "suffix": "", "date": ""}, "2026-01-31")
    gateway.trigger_state.record_arrival(batch, TIME)
    gateway.trigger_state.record_request(replace(batch, last=TIME))
    gateway.trigger_state.start_cooldown("prices", "code", "code:prices:1", TIME, 60)
    gateway.trigger_state.record_tick("2026-01-31T14:00Z")
    gateway.trigger_state.record_skipped("prices", SkippedEvent(TIME, "code:prices:2", "code", "cooldown"))
    text = json.dumps({"parameters": {"seed": 3}})
    gateway.documents.put_layer("prices", "environment", Base(text, sha256_of(text), TIME, "ada"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        recorded = record(Path(folder) / "place")
    Path(sys.argv[1]).write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")
