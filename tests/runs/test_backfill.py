from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.support.messages import route

from stagewright.document.load import load
from stagewright.errors import DocumentError, PlanError, ReleaseError
from stagewright.runs.backfill import Backfill, Progress, backfills, begin, check, periods_of, pin
from stagewright.runs.documents.overrides import put
from stagewright.runs.releases.push import push

BACKFILL = Backfill("prices", "2024-01", "2024-04", "month", by="ada", created="2026-01-31T14:00:00.000Z")


@pytest.fixture
def sent(gateway, pipeline, files, tools, monkeypatch):
    """The events that were sent, and a pipeline with a partition for each date."""
    push(gateway, load(tools.document | {"partition": "${trigger.date}", "triggers": []}), files)
    events = []

    class Events:
        def put(self, kind, detail):
            events.append({**detail, "by": detail["by"]})

    gateway.__dict__["events"] = Events()
    return events


def deliver(gateway, event):
    body = {name: value for name, value in event.items() if name != "installation"}
    return route(gateway, json.dumps(body))


def end(gateway, run, status):
    assert gateway.runs.transition(run, ["RUNNING"], {"status": status})


def test_open_runs_are_limited_and_start_with_the_earliest(gateway, sent):
    progress = Progress(gateway, BACKFILL, "ada", 2)
    assert [period.date for period in progress.step(close_ended=False)] == ["2024-01", "2024-02"]
    assert progress.step(close_ended=False) == []
    first = deliver(gateway, sent[0]).run
    assert [(each.date, each.status) for each in progress.step(close_ended=False)] == [("2024-01", "RUNNING")]
    end(gateway, first, "SUCCEEDED")
    changed = progress.step(close_ended=False)
    assert [(each.date, each.status) for each in changed] == [("2024-01", "SUCCEEDED"), ("2024-03", "ASKED")]


def test_repeated_request_starts_one_run(gateway, sent, tools):
    Progress(gateway, BACKFILL, "ada", 1).step(close_ended=False)
    Progress(gateway, BACKFILL, "bob", 1).step(close_ended=False)
    assert [event["request"] for event in sent] == [f"prices:2024-01:{BACKFILL.id}:1"] * 2
    assert deliver(gateway, sent[0]).run == deliver(gateway, sent[1]).run
    assert len(tools.executions(gateway)) == 1


def test_failures_of_an_earlier_execution_are_retried_once(gateway, sent):
    one = replace(BACKFILL, last="2024-01")
    Progress(gateway, one, "ada", 1).step(close_ended=False)
    first = deliver(gateway, sent[0]).run
    progress = Progress(gateway, one, "ada", 1)
    end(gateway, first, "FAILED")
    progress.step(close_ended=False)
    assert sent[1]["request"].endswith(":2")
    second = deliver(gateway, sent[1]).run
    end(gateway, second, "FAILED")
    progress.step(close_ended=False)
    assert progress.is_over is True
    assert progress.over[0].run == second
    assert len(sent) == 2
    assert [(each.attempt, each.status) for each in periods_of(gateway, one)] == [(2, "FAILED")]


def test_succeeded_dates_are_skipped(gateway, sent):
    one = replace(BACKFILL, last="2024-01")
    Progress(gateway, one, "ada", 1).step(close_ended=False)
    end(gateway, deliver(gateway, sent[0]).run, "SUCCEEDED")
    assert Progress(gateway, one, "ada", 1).is_over
    assert not Progress(gateway, replace(one, revision=2), "ada", 1).is_over


def test_id_does_not_depend_on_author_and_time():
    assert replace(BACKFILL, by="bob", created="later").id == BACKFILL.id
    for other in ({"last": "2024-05"}, {"force": True}, {"parameters": {"limit": 4}}, {"every": "year"}):
        assert replace(BACKFILL, **other).id != BACKFILL.id


def test_dates_that_share_a_partition_are_rejected(gateway, tools):
    hidden = load(
        tools.document
        | {"parameters": {"limit": 3, "day": "${trigger.date}"}, "partition": "${parameters.day}"}
    )
    check(gateway, hidden, BACKFILL)
    with pytest.raises(DocumentError, match="2024-01 and 2024-02 would share the partition 2020"):
        check(gateway, hidden, replace(BACKFILL, parameters={"day": "2020"}))
    with pytest.raises(DocumentError, match="2024-01 and 2024-02 would share the partition default"):
        check(gateway, load(tools.document), replace(BACKFILL, last="2024-01"))


def test_backfills_are_listed_once(gateway, sent):
    later = replace(BACKFILL, last="2024-05", created="2026-02-01T00:00:00.000Z")
    asked = (BACKFILL, later, replace(BACKFILL, by="bob", created="2026-03-01T00:00:00.000Z"))
    made = [begin(gateway, pin(gateway, each)) for each in asked]
    assert backfills(gateway, "prices") == [made[1], made[0]]
    assert [(each.revision, each.by) for each in made] == [(1, "ada"), (1, "ada"), (1, "bob")]
    assert gateway.runs.of_pipeline("prices", 10) == ()


def pushed_anew(gateway, tools, files):
    """Another document, and another file."""
    document = tools.document | {"partition": "${trigger.date}", "triggers": [], "parameters": {"limit": 4}}
    return push(gateway, load(document), files | {"train.py": b"changed"}).release


def test_push_during_a_backfill_does_not_change_it(gateway, sent, tools, files):
    before = pin(gateway, BACKFILL)
    backfill = begin(gateway, before)
    progress = Progress(gateway, backfill, "ada", 1)
    progress.step(close_ended=False)
    first = deliver(gateway, sent[0]).run
    after = pushed_anew(gateway, tools, files)
    end(gateway, first, "SUCCEEDED")
    progress.step(close_ended=False)
    second = deliver(gateway, sent[1]).run
    made = {(each.revision, each.release) for each in map(gateway.runs.header, (first, second))}
    assert made == {(1, before.release.digest)}
    assert before.release.digest != after
    manual = json.dumps({"pipeline": "prices", "request": "now"})
    now = gateway.runs.header(route(gateway, manual).run)
    assert now.revision == 2
    assert now.release == after


def test_override_during_a_backfill_does_not_change_it(gateway, sent):
    begin(gateway, pin(gateway, BACKFILL))
    put(gateway, "prices", ["parameters.limit=9"], "bob")
    backfill = pin(gateway, BACKFILL)
    Progress(gateway, backfill.backfill, "ada", 1).step(close_ended=False)
    run = deliver(gateway, sent[0]).run
    assert gateway.runs.header(run).revision == 1
    assert backfill.document.parameters["limit"] == 3


def test_unfinished_backfill_continues_with_what_it_pinned(gateway, sent, tools, files):
    one = replace(BACKFILL, last="2024-01")
    begun = begin(gateway, pin(gateway, one))
    after = pushed_anew(gateway, tools, files)
    again = pin(gateway, replace(one, by="bob"))
    assert again.backfill == begun
    assert not again.is_new
    assert again.document.parameters["limit"] == 3
    assert again.release.digest != after
    newest = pin(gateway, one, latest=True)
    assert newest.backfill.revision == 2
    assert newest.release.digest == after
    assert newest.document.parameters["limit"] == 4
    Progress(gateway, begun, "ada", 1).step(close_ended=False)
    end(gateway, deliver(gateway, sent[0]).run, "SUCCEEDED")
    assert pin(gateway, one).backfill.revision == 2
    assert pin(gateway, replace(one, last="2024-02")).backfill.revision == 2


def test_request_without_stages_continues_with_the_earlier_stages(gateway, sent):
    begun = begin(gateway, pin(gateway, replace(BACKFILL, skip=("train",))))
    again = pin(gateway, BACKFILL)
    assert again.backfill == begun
    assert not again.is_new
    Progress(gateway, again.backfill, "bob", 1).step(close_ended=False)
    header = gateway.runs.header(deliver(gateway, sent[0]).run)
    assert header.trigger.skip == ("train",)
    assert gateway.runs.claimed(f"backfill:{begun.request('2024-01', 1)}") == header.run
    every = pin(gateway, BACKFILL, latest=True)
    assert every.backfill.skip == ()
    assert every.backfill.id != begun.id


def test_other_stages_are_rejected_while_a_backfill_is_unfinished(gateway, sent):
    one = replace(BACKFILL, last="2024-01", skip=("train",))
    begun = begin(gateway, pin(gateway, one))
    other = replace(one, skip=(), only=("train",))
    unfinished = f"backfill {begun.id} of these dates is unfinished, with --skip train .*--latest"
    with pytest.raises(PlanError, match=unfinished):
        pin(gateway, other)
    assert pin(gateway, other, latest=True).backfill.only == ("train",)
    assert backfills(gateway, "prices") == [begun]
    Progress(gateway, begun, "ada", 1).step(close_ended=False)
    end(gateway, deliver(gateway, sent[0]).run, "SUCCEEDED")
    assert pin(gateway, other).backfill.only == ("train",)
    assert pin(gateway, replace(one, skip=())).backfill.skip == ()


def test_named_stages_select_their_backfill(gateway, sent):
    skipping, whole = (
        begin(gateway, pin(gateway, each, latest=True))
        for each in (replace(BACKFILL, skip=("train",)), BACKFILL)
    )
    assert pin(gateway, replace(BACKFILL, skip=("train",))).backfill.id == skipping.id
    assert pin(gateway, BACKFILL).backfill.id == whole.id


def test_missing_release_rejects_the_backfill_with_a_remedy(gateway, sent, tools, files):
    begun = begin(gateway, pin(gateway, BACKFILL))
    pushed_anew(gateway, tools, files)
    key = f"manifests/{begun.pipeline}.json"
    bucket = gateway.installation.bucket
    gateway.objects.client.delete_object(Bucket=bucket, Key=key, VersionId=begun.version)
    with pytest.raises(ReleaseError, match="is gone") as refused:
        pin(gateway, BACKFILL)
    assert "--latest" in refused.value.remedy
