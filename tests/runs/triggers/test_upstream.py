from __future__ import annotations

import pytest
from tests.support.triggers import DATA, GATE, TIME, gateway_run, skipped, trigger_of

from stagewright.aws.executions import Execution
from stagewright.runs.closing import close
from stagewright.store.run_items import StageItem


def finish(gateway, run, status="SUCCEEDED"):
    header = gateway.runs.header(run)
    execution = Execution(header.execution, status, 1.0, 1769868000.0, "", "")
    return close(gateway, header, execution)


UPSTREAM = {"type": "upstream", "pipeline": "prices"}


class TestUpstream:
    def test_success_starts_downstream_runs(self, gateway, put_document, deliver):
        put_document(DATA)
        put_document(UPSTREAM, name="after", parameters={"x": "1"})
        first = gateway_run(gateway, put_document, "2026-01-30T23:59:00.000Z")
        assert deliver() == []
        assert finish(gateway, first) == "SUCCEEDED"
        assert finish(gateway, first) is None
        (started,) = deliver()
        made = trigger_of(gateway, started)
        assert made.type == "upstream"
        assert made.key == f"upstream:after:{first}"
        assert made.run == first
        assert made.date == "2026-01-30"
        assert made.chain == ("prices",)

    def test_failure_starts_no_downstream_run(self, gateway, put_document, deliver):
        put_document()
        put_document(UPSTREAM, name="after")
        assert finish(gateway, gateway_run(gateway, put_document, TIME), "FAILED") == "FAILED"
        assert deliver() == []

    def test_crash_before_closing_requests_the_same_downstream_run(
        self, gateway, put_document, deliver, monkeypatch, tools
    ):
        put_document()
        put_document(UPSTREAM, name="after")
        first = gateway_run(gateway, put_document, TIME)
        monkeypatch.setattr(type(gateway.runs), "transition", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            finish(gateway, first)
        monkeypatch.undo()
        assert finish(gateway, first) == "SUCCEEDED"
        assert len({each.run for each in deliver()}) == 1

    @pytest.mark.parametrize(("stage", "starts"), [("check", True), ("rest", False)])
    def test_downstream_run_needs_the_success_of_its_stage(
        self, gateway, put_document, deliver, stage, starts
    ):
        put_document(stages=GATE | {"rest": GATE["check"] | {"enabled": False}})
        put_document(UPSTREAM | {"stage": stage}, name="after")
        first = gateway_run(gateway, put_document, TIME)
        gateway.runs.put_stage_if_absent(first, StageItem("check", "SUCCEEDED", ended=TIME))
        finish(gateway, first)
        assert bool(deliver()) is starts

    def test_cycle_stops_at_its_start(self, gateway, put_document, deliver):
        put_document({"type": "upstream", "pipeline": "after"})
        put_document(UPSTREAM, name="after")
        finish(gateway, gateway_run(gateway, put_document, TIME))
        (second,) = deliver()
        finish(gateway, second.run)
        assert deliver() == []
        assert skipped(gateway) == [("upstream", "upstream triggers form a cycle: prices -> after -> prices")]
