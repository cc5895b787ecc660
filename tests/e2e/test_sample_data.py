"""The sample data that a command uploads starts no run of its own, whichever data triggers cover it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.places import Place

from stagewright.document.load import load
from stagewright.local import server
from stagewright.runs.releases import push as release

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DOCUMENT = """\
name: sampled
sample_data: {raw/sampled/: data}
triggers:
  - {type: code}
  - {type: data, prefix: raw/sampled/, suffix: _SUCCESS}
  - {type: data, prefix: raw/sampled/, suffix: .csv, settle: 1s}
stages:
  check: {kind: gate, require: "1 >= 0"}
"""
GATE = {"check": {"kind": "gate", "require": "1 >= 0"}}
ALL_DATA = {"type": "data", "prefix": "raw/", "suffix": "SUCCESS"}
OTHER = {"name": "other", "stages": GATE, "triggers": [ALL_DATA]}
SETTLED = 4
"""Seconds after which an event has become a run, and the window of `settle` is over."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "place", DOCUMENT, {"data/2026-01/_SUCCESS": "1", "data/2026-01/a.csv": "1"})
    yield made
    server.down(made.state)


def test_uploaded_sample_data_starts_no_run(place: Place) -> None:
    gateway = place.up()
    release.push(gateway, load(OTHER), {})

    def runs() -> dict[str, list[str]]:
        time.sleep(SETTLED)
        headers = {name: gateway.runs.of_pipeline(name, 100) for name in ("sampled", "other")}
        return {name: [header.trigger.type for header in found] for name, found in headers.items()}

    place("run", ".")
    assert runs() == {"sampled": ["code"], "other": []}
    (place.folder / "data/2026-01/_SUCCESS").write_text("2")
    (place.folder / "data/2026-01/a.csv").write_text("2")
    place("plan", ".")
    assert runs() == {"sampled": ["code"], "other": []}
    assert gateway.objects.get("raw/sampled/2026-01/a.csv").body == b"2"
    (place.folder / "data/2026-01/a.csv").write_text("3")
    place("push", ".")
    assert runs() == {"sampled": ["code"], "other": []}
    (place.folder / "data/2026-01/a.csv").write_text("4")
    place("run", ".")
    assert runs() == {"sampled": ["manual", "code"], "other": []}
    gateway.objects.put("raw/sampled/2026-02/_SUCCESS", b"5")
    assert runs() == {"sampled": ["data", "manual", "code"], "other": ["data"]}
