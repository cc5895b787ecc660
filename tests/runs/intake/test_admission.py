from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.support.messages import route
from tests.support.triggers import DATA, GATE, scheduled, skipped

from stagewright.document.load import load
from stagewright.errors import NotFoundError
from stagewright.planner.selection import Selection
from stagewright.runs.history.run_history import find_run, list_runs, show
from stagewright.runs.intake import run_requests
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases.push import push
from stagewright.runs.triggers import schedules


class TestSkipped:
    def test_cooldown_starts_with_a_run_and_skips_events_with_a_reason(
        self, gateway, put_document, arrive, tools, all_end
    ):
        put_document(DATA | {"cooldown": "1h"})
        first = arrive("raw/_SUCCESS", "v1", "2026-01-31T14:00:00Z")
        assert arrive("raw/_SUCCESS", "v2", "2026-01-31T14:59:59Z") == ()
        assert arrive("raw/_SUCCESS", "v1", "2026-01-31T14:00:00Z")[0].run == first[0].run
        assert len(arrive("raw/_SUCCESS", "v3", "2026-01-31T15:00:00Z")) == 1
        assert arrive("raw/_SUCCESS", "v2", "2026-01-31T14:59:59Z") == ()
        assert skipped(gateway) == [("data", "within the trigger's cooldown of 1h")]
        with pytest.raises(NotFoundError, match="the event data:prices:raw/_SUCCESS:v2 started no run"):
            find_run(gateway, "data:prices:raw/_SUCCESS:v2")
        all_end()
        assert len(tools.executions(gateway)) == 2

    def test_skipped_objects_with_the_longest_names_are_listed_separately(
        self, gateway, put_document, arrive
    ):
        put_document(DATA | {"cooldown": "1h"})
        long = f"raw/{'k' * 1_000}"
        assert len(arrive(f"{long}/1_SUCCESS")) == 1
        for _ in range(2):
            assert arrive(f"{long}/2_SUCCESS") == arrive(f"{long}/3_SUCCESS") == ()
        keys = {each.key for each in gateway.trigger_state.skipped_events("prices", 9)}
        assert keys == {f"data:prices:{long}/{number}_SUCCESS:v1" for number in (2, 3)}

    def test_rejected_run_starts_no_cooldown(self, gateway, put_document, arrive):
        put_document(DATA | {"cooldown": "1h", "parameters": {"a": "${trigger.uri}"}}, parameters={"a": ""},
            stages={"one": GATE["check"] | {"require": "'${parameters.a}' == 'x'"}})  # fmt: skip
        (refused,) = arrive("raw/${x}_SUCCESS")
        assert gateway.runs.header(refused.run).status == "REJECTED"
        (started,) = arrive("raw/_SUCCESS", "v2")
        assert gateway.runs.header(started.run).status == "RUNNING"

    def test_cooldown_does_not_affect_other_triggers(self, put_document, arrive):
        put_document(DATA | {"cooldown": "1h"}, DATA | {"prefix": "other/", "cooldown": "1h"})
        assert len(arrive("raw/_SUCCESS")) == len(arrive("other/_SUCCESS")) == 1

    def test_event_of_a_removed_trigger_is_skipped(self, gateway, put_document, deliver):
        scheduled(gateway, put_document, "2026-11-28T13:58:00.000Z", cron="0 14 ? * SAT *")
        schedules.tick(gateway, datetime(2026, 11, 28, 14, 0, tzinfo=UTC))
        put_document({"type": "schedule", "cron": "0 15 ? * SAT *"})
        assert deliver() == []
        assert skipped(gateway) == [("schedule", "the document no longer has this trigger")]

    def test_newest_skipped_events_come_first(self, gateway, put_document, arrive):
        put_document(DATA | {"cooldown": "1d"})
        for second in range(5):
            arrive("raw/_SUCCESS", f"v{second}", f"2026-01-31T14:00:0{second}Z")
        assert [each.time[-8:-5] for each in gateway.trigger_state.skipped_events("prices", 2)] == [
            ":04",
            ":03",
        ]
        item = next(iter(gateway.runs.items("skipped#prices", "2026")))
        assert item["expires"] - datetime(2026, 1, 31, 14, tzinfo=UTC).timestamp() == 30 * 86400 + 1


def test_only_disables_the_other_stages_for_this_run(gateway, put_document, arrive):
    put_document(DATA | {"only": ["check"]}, stages=GATE | {"other": GATE["check"]})
    record = show(gateway, arrive("raw/_SUCCESS")[0].run)
    assert {stage.name: (stage.action, stage.reason) for stage in record.stages} == {
        "check": ("run", "no earlier result"),
        "other": ("skip", "not selected"),
    }
    assert '"enabled"' not in gateway.documents.newest_revision("prices").document


def pushed(gateway, pipeline, files, **more):
    """The version of the manifest."""
    return push(gateway, pipeline, files, **more).trigger_key.rsplit(":", 1)[1]


def first_version(gateway):
    return manifests.read(gateway, "prices").version


def test_push_sets_parameters_and_force(gateway, pipeline, files, created):
    version = pushed(gateway, pipeline, files, parameters={"limit": 6}, by="ada", force=True)
    record = show(gateway, route(gateway, created(version)).run)
    assert record.trigger.parameters == {"limit": 6}
    assert {stage.reason for stage in record.stages} == {"forced"}


def test_overlay_can_remove_the_code_trigger(gateway, pipeline, files, created):
    off = push(gateway, pipeline, files, overlay={"triggers": []})
    assert off.trigger_key is None
    assert route(gateway, created(first_version(gateway))) is None
    assert list_runs(gateway, "prices") == []


def test_selection_of_a_push_overrides_the_triggers(gateway, files, tools, created):
    pipeline = load(tools.document | {"triggers": [{"type": "code", "only": ["prepare"]}]})
    version = pushed(gateway, pipeline, files, selection=Selection(skip=("train",)))
    record = show(gateway, route(gateway, created(version)).run)
    assert record.trigger.only == ()
    assert record.trigger.skip == ("train",)
    assert {stage.name: stage.reason for stage in record.stages}["train"] == "skipped in this run"


def test_request_selects_stages(gateway, pipeline, files, requested):
    pushed(gateway, pipeline, files)
    record = show(gateway, route(gateway, requested(only=["prepare"])).run)
    assert [(stage.name, stage.action) for stage in record.stages] == [("prepare", "run"), ("train", "skip")]
    gateway.runs.transition(record.run, ["RUNNING"], {"status": "SUCCEEDED"})
    refused = show(gateway, route(gateway, requested(request="2", only=["prepaer"])).run)
    assert refused.status == "REJECTED"
    assert "no such stage: prepaer" in refused.reason


def test_backfill_request_has_its_date_and_key(gateway, pipeline, files, requested):
    pushed(gateway, pipeline, files)
    body = requested(type="backfill", request="prices:2024-01:abc:1", date="2024-01")
    record = show(gateway, route(gateway, body).run)
    assert record.trigger.type == "backfill"
    assert record.trigger.key == "backfill:prices:2024-01:abc:1"
    assert record.trigger.date == "2024-01"
    with pytest.raises(run_requests.MalformedError, match="a date is written 2026-01-31 or 2026-01"):
        route(gateway, requested(date="January"))
    with pytest.raises(run_requests.MalformedError, match="type"):
        route(gateway, requested(type="code"))


def test_repeated_resume_requests_start_one_run_with_the_old_trigger(
    gateway, pipeline, files, created, requested, tools
):
    version = pushed(gateway, pipeline, files, parameters={"limit": 6}, selection=Selection(("prepare",)))
    first = route(gateway, created(version)).run
    gateway.runs.transition(first, ["RUNNING"], {"status": "FAILED"})
    body = requested(request=f"{first}:1", resumes=first)
    later = route(gateway, body)
    assert route(gateway, body).run == later.run != first
    record = show(gateway, later.run)
    old = show(gateway, first)
    assert old.resumed_by == (later.run,)
    assert record.trigger == replace(old.trigger, key=f"resume:{first}:1", by="ada", resumes=first)
    assert len(tools.executions(gateway)) == 2


def test_push_that_resumes_ignores_the_cooldown(gateway, files, created, tools):
    pipeline = load(tools.document | {"triggers": [{"type": "code", "cooldown": "1h"}]})
    first = route(gateway, created(pushed(gateway, pipeline, files))).run
    gateway.runs.transition(first, ["RUNNING"], {"status": "FAILED"})
    mended = files | {"train.py": b"print('mended')\n"}
    version = pushed(gateway, pipeline, mended, resumes=first)
    later = route(gateway, created(version))
    record = show(gateway, later.run)
    assert record.trigger.resumes == first
    assert record.trigger.key == f"code:prices:{version}"


def test_resuming_an_unknown_run_is_rejected(gateway, pipeline, files, requested):
    pushed(gateway, pipeline, files)
    record = show(gateway, route(gateway, requested(resumes="prices-20260101t000000-000000")).run)
    assert record.status == "REJECTED"
    assert "prices has no run prices-20260101t000000-000000" in record.reason


def test_push_sets_the_date(gateway, pipeline, files, created):
    key = push(gateway, pipeline, files, date="2024-03").trigger_key
    run = route(gateway, created(key.rsplit(":", 1)[-1])).run
    assert gateway.runs.header(run).trigger.date == "2024-03"


@pytest.mark.parametrize("pinned", [{"revision": 1}, {"type": "backfill", "revision": -1}])
def test_only_backfill_requests_pin_a_revision(gateway, requested, pinned):
    with pytest.raises(run_requests.MalformedError):
        route(gateway, requested(**pinned))


def test_unknown_revision_of_a_backfill_rejects_the_run(gateway, pipeline, files, requested):
    push(gateway, pipeline, files)
    run = route(gateway, requested(type="backfill", date="2024-01", revision=7)).run
    header = gateway.runs.header(run)
    assert header.status == "REJECTED"
    assert "prices has no revision 7" in header.reason
