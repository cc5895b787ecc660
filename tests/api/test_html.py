"""HTML of what users made: names, reasons and metrics from outside."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from stagewright.api import html
from stagewright.api.log_lines import LogLines
from stagewright.api.plan import Plan
from stagewright.api.prediction import Prediction
from stagewright.api.run_list import Runs
from stagewright.api.stage import Stage, Stages
from stagewright.planner.model import Plan as Planned
from stagewright.planner.model import StagePlan, Trigger
from stagewright.runs.history.logs import LogLine
from stagewright.runs.history.records import RunRecord, StageRecord

EVIL = "<script>alert(1)</script>\x1b[31m\u202e\"'&"
TRIGGER = Trigger("manual", "k", "2026-01-01T00:00:00.000Z")
STAGE = StageRecord(EVIL, "training", "run", EVIL, "FAILED", cause=EVIL, metrics={EVIL: 1.0})
RECORD = RunRecord("r", "p", EVIL, "FAILED", TRIGGER, "x", 1, "2026-01-01T00:00:00.000Z", reason=EVIL,
                   stages=(STAGE,))  # fmt: skip
KNOWN = {"table", "thead", "tbody", "tr", "th", "td", "p", "pre"}


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, attrs))

    def handle_data(self, data):
        self.text += data


def assert_harmless(page: str) -> None:
    reader = Reader()
    reader.feed(page)
    assert {tag for tag, _ in reader.tags} <= KNOWN
    assert not any(attributes for _, attributes in reader.tags)
    assert "<script>alert(1)</script>\\x1b[31m\\u202e" in reader.text


def test_every_text_is_escaped():
    plan = Planned("r", "p", "", TRIGGER, "x", 1, (StagePlan(EVIL, "training", "run", EVIL),), (), (EVIL,))
    pages = (
        html.table([EVIL], [[EVIL]]),
        Stages(RECORD, None)._repr_html_(),
        Stage(STAGE, "r", None)._repr_html_(),
        Runs(None, [replace(RECORD, stages=())])._repr_html_(),
        Plan(plan)._repr_html_(),
        LogLines([LogLine("train", "", EVIL)])._repr_html_(),
        Prediction(EVIL, EVIL.encode(), "text/csv")._repr_html_(),
    )
    for page in pages:
        assert_harmless(page)


def test_texts_name_state_and_source():
    lines = LogLines([LogLine("train", "", "one\ntwo"), LogLine("tune/003", "", "three")])
    assert str(lines) == "train  one\ntrain  two\ntune/003  three"
    assert repr(Stages(replace(RECORD, stages=(replace(STAGE, name="fit"),)), None)) == (
        "{'fit': <Stage fit: FAILED>}"
    )
