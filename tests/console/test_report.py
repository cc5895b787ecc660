"""The report of a run: one file, safe to open, complete and small."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from stagewright.console.report import MOST_STAGES, conditions, report
from stagewright.console.run_facts import RunFacts
from stagewright.console.timeline import timeline_of
from stagewright.document.load import load
from stagewright.planner.model import Trigger
from stagewright.runs.history.records import RunRecord, StageRecord

EVIL = "<script>alert(1)</script>\x1b[31m"
STAGES = (
    StageRecord(
        "train", "training", "run", "code train.py", "SUCCEEDED",
        started="2026-01-01T00:00:10.000Z", ended="2026-01-01T00:00:40.000Z", seconds=30.0, job="r-train-1",
        metrics={"r2": 0.91}, result={"outputs": {"model": "s3://b/model.tar.gz"}},
    ),
    StageRecord("tune", "tuning", "skip", "off", "SKIPPED"),
    StageRecord("quality", "gate", "run", "train runs again", "SUCCEEDED"),
    StageRecord(
        "score", "transform", "run", "quality runs again", "FAILED",
        started="2026-01-01T00:00:40.000Z", ended="2026-01-01T00:00:50.000Z", cause=f"no column {EVIL}",
    ),
)  # fmt: skip
RECORD = RunRecord(
    "prices-1", "prices", "default", "FAILED",
    Trigger("code", "code:1", "2026-01-01T00:00:00.000Z", EVIL, {"depth": 3}), "abc", 4,
    "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:10.000Z", "2026-01-01T00:00:50.000Z", stages=STAGES,
)  # fmt: skip
DOCUMENT = {
    "name": "prices",
    "parameters": {"min_r2": 0.9},
    "defaults": {"image": "sklearn-1.4", "instance_type": "ml.m5.large"},
    "stages": {
        "train": {
            "kind": "training",
            "entry_point": "train.py",
            "channels": {"train": "s3://bucket/raw/"},
            "metrics": {"r2": "R2: (.*)"},
        },
        "quality": {
            "kind": "gate",
            "require": [
                "${stages.train.metrics.r2} >= ${parameters.min_r2}",
                "${stages.train.metrics.r2} < 1",
            ],
        },
    },
}
FACTS = RunFacts(RECORD, DOCUMENT, load(DOCUMENT), {"score": ("line <1>", EVIL)})


class Page(HTMLParser):
    """The elements, addresses and text of a page. Every element that is opened must be closed."""

    VOID = frozenset({"meta", "rect", "path"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "srcset")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


@pytest.fixture(scope="module")
def page():
    return Page(report(FACTS, "stagewright show prices-1"))


def test_report_shows_what_happened_why_and_what_came_out(page):
    for expected in (
        "prices-1", "✗ failed", "in 40.0 s", "2 succeeded, 1 skipped, 1 failed", "waited 10.0 s",
        "2026-01-01 00:00:00 UTC", "code train.py", "0.91 >= 0.9", "s3://b/model.tar.gz", "depth = 3",
        "line <1>",
        "stagewright show prices-1", "stagewright logs prices-1 score",
    ):  # fmt: skip
        assert expected in page.text


def test_report_runs_nothing_and_loads_nothing(page):
    assert page.addresses == []
    assert not page.tags & {"script", "iframe", "img", "link", "object", "form"}
    html = report(FACTS)
    assert "default-src 'none'" in html
    assert "\x1b" not in html
    assert r"\x1b[31m" in html


def test_condition_of_a_gate_has_the_values_of_the_run():
    text = " and ".join(DOCUMENT["stages"]["quality"]["require"])
    assert conditions(FACTS) == {"quality": (text, "0.91 >= 0.9 and 0.91 < 1")}
    unjudged = replace(FACTS, record=replace(RECORD, stages=()))
    assert conditions(unjudged)["quality"][1].startswith("${stages.train.metrics.r2} >= 0.9")


def test_timeline_shows_waiting_apart_from_running():
    bars = timeline_of(RECORD).bars
    assert [(bar.name, bar.status, bar.length) for bar in bars] == [
        ("waiting to start", "WAITING", "10.0 s"),
        ("train", "SUCCEEDED", "30.0 s"),
        ("score", "FAILED", "10.0 s"),
    ]
    assert [(round(bar.left), round(bar.width)) for bar in bars] == [(0, 20), (20, 60), (80, 20)]


@pytest.mark.parametrize("status", ["REJECTED", "QUEUED", "RUNNING"])
def test_run_without_stages_has_a_report(status):
    record = replace(
        RECORD, status=status, stages=(), revision=0, started="", ended="", reason="no such parameter"
    )
    assert "no such parameter" in Page(report(RunFacts(record, {}, None, {}))).text


def test_report_of_1000_stages_is_below_500_kb_and_lists_failures():
    many = tuple(replace(STAGES[0], name=f"train-{number}", chain=number) for number in range(1000))
    record = replace(RECORD, stages=(*many, STAGES[3]))
    html = report(RunFacts(record, DOCUMENT, None, {}))
    assert len(html.encode()) < 500_000
    assert f"{1001 - MOST_STAGES} more stages are not listed" in html
    assert "no column" in html
