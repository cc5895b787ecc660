"""Every type of trigger, from its event to the run that it starts, or to the reason why not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.messages import accept_all, route, sweep

from stagewright.aws.executions import Execution
from stagewright.aws.registry import Package
from stagewright.document.canonical_json import sha256_of
from stagewright.document.stored_layers import Base
from stagewright.errors import NotFoundError
from stagewright.functions.router import handler
from stagewright.naming import timestamp
from stagewright.runs.closing import close
from stagewright.runs.history.run_history import find_run, list_runs, show
from stagewright.runs.intake.run_requests import MalformedError
from stagewright.runs.triggers import data, schedules
from stagewright.store.runs import StageItem

TIME = "2026-01-31T14:00:00.000Z"
GATE = {"check": {"kind": "gate", "require": "1 >= 0"}}
PACKAGE = "arn:aws:sagemaker:us-east-1:000000000000:model-package/prices/1"


@pytest.fixture
def put(gateway):
    """`put(triggers, name=..., stages=...)` stores a document without code."""

    def made(*triggers, name="prices", **more):
        document = {"name": name, "stages": GATE, "triggers": list(triggers), **more}
        text = json.dumps(document)
        gateway.documents.put_layer(name, "base", Base(text, sha256_of(text), TIME))

    return made


def event(source, kind, detail, time=TIME):
    return json.dumps({"source": source, "detail-type": kind, "time": time, "detail": detail})


@pytest.fixture
def arrives(gateway):
    def made(key, version="v1", time=TIME):
        detail = {
            "bucket": {"name": gateway.installation.bucket},
            "object": {"key": key, "version-id": version},
        }
        return accept_all(gateway, event("aws.s3", "Object Created", detail, time))

    return made


@pytest.fixture
def queued(gateway):
    """Takes what is in the queue, and has it routed; the runs."""

    def deliver():
        runs = []
        for message in gateway.queue.receive():
            runs += accept_all(gateway, message.body, message.id)
            gateway.queue.delete(message)
        return runs

    return deliver


def trigger_of(gateway, started):
    return gateway.runs.header(started.run).trigger


def dropped(gateway, pipeline="prices"):
    return [(each.type, each.reason) for each in gateway.trigger_state.skipped_events(pipeline, 100)]


DATA = {"type": "data", "prefix": "raw/", "suffix": "_SUCCESS"}


class TestData:
    def test_only_the_object_with_the_suffix_starts_a_run(self, gateway, put, arrives, tools):
        put(DATA | {"parameters": {"month": "${trigger.date}"}}, parameters={"month": ""})
        assert arrives("raw/2026-01/part-1") == ()
        assert arrives("other/2026-01/_SUCCESS") == ()
        (started,) = arrives("raw/2026-01/_SUCCESS")
        made = trigger_of(gateway, started)
        assert (made.type, made.key) == ("data", "data:prices:raw/2026-01/_SUCCESS:v1")
        assert made.uri == f"s3://{gateway.installation.bucket}/raw/2026-01/_SUCCESS"
        assert (made.date, made.parameters) == ("2026-01", {"month": "2026-01"})
        assert len(tools.executions(gateway)) == 1

    def test_redelivery_starts_no_second_run_and_a_new_version_does(
        self, arrives, put, tools, gateway, all_end
    ):
        put(DATA)
        first = arrives("raw/_SUCCESS")
        assert arrives("raw/_SUCCESS") == (replace(first[0], new=False),)
        assert arrives("raw/_SUCCESS", "v2")[0].new
        all_end()
        assert len(tools.executions(gateway)) == 2

    def test_object_starts_one_run_per_matching_pipeline(self, put, arrives):
        put(DATA, {"type": "data", "prefix": "raw/2026", "suffix": "S"})
        put(DATA, name="other")
        put({"type": "code"}, name="third")
        assert sorted(each.run.split("-")[0] for each in arrives("raw/2026/_SUCCESS")) == ["other", "prices"]

    def test_date_is_found_by_the_documents_pattern(self, gateway, put, arrives):
        put(DATA | {"date": "day_([0-9]+)"}, DATA | {"prefix": "as/", "date": "(q[1-4])"})
        days = [
            trigger_of(gateway, arrives(key)[0]).date
            for key in ("raw/2025-01-01/day_20260131/_SUCCESS", "raw/2025-01-01/_SUCCESS", "as/q3/_SUCCESS")
        ]
        assert days == ["2026-01-31", "2026-01-31", "q3"]

    def test_string_from_the_key_cannot_set_a_number(self, gateway, put, arrives):
        put(DATA | {"parameters": {"month": "${trigger.date}"}}, parameters={"month": 1})
        record = show(gateway, arrives("raw/_SUCCESS")[0].run)
        assert record.status == "REFUSED"
        assert "month is declared as a number; it cannot be ${trigger.date}, which is a text" in record.reason

    def test_wrong_document_rejects_its_run_only(self, gateway, put, arrives):
        put(DATA, stages={"check": {"kind": "gat"}})
        put(DATA, name="other")
        runs = {each.run.split("-")[0]: each for each in arrives("raw/_SUCCESS")}
        assert gateway.runs.header(runs["prices"].run).status == "REFUSED"
        assert gateway.runs.header(runs["other"].run).status == "RUNNING"

    def test_new_document_applies_at_once(self, put, arrives):
        assert arrives("raw/_SUCCESS") == ()
        put(DATA)
        assert len(arrives("raw/_SUCCESS")) == 1
        put()
        assert arrives("raw/_SUCCESS", "v2") == ()

    def test_object_without_a_trigger_is_no_error(self, gateway, arrives, put, function, context):
        put(DATA)
        detail = {"bucket": {"name": gateway.installation.bucket}, "object": {"key": "x", "version-id": "1"}}
        record = {"messageId": "1", "body": event("aws.s3", "Object Created", detail)}
        assert handler({"Records": [record]}, context) == {"batchItemFailures": []}
        assert list_runs(gateway, "prices") == []


def ago(**time):
    return timestamp(datetime.now(UTC) - timedelta(**time))


SETTLE = {"type": "data", "prefix": "raw/", "settle": "10m"}


class TestSettle:
    def test_batch_starts_one_run_after_its_window(self, gateway, put, arrives, queued, tools):
        put(SETTLE)
        for number, minutes in enumerate((30, 25, 40, 25)):
            assert arrives(f"raw/2026-01/part-{number}", time=ago(minutes=minutes)) == ()
        (batch,) = gateway.trigger_state.pending_batches()
        assert data.check(gateway, batch.item)
        assert data.check(gateway, batch.item) is None
        assert list(gateway.trigger_state.pending_batches()) == []
        (started,) = queued()
        made = trigger_of(gateway, started)
        assert made.key == f"data:prices:raw/:2026-01:{batch.last}"
        assert (made.date, made.uri) == ("2026-01", f"s3://{gateway.installation.bucket}/raw/")
        assert len(tools.executions(gateway)) == 1

    def test_batch_with_an_open_window_starts_no_run(self, gateway, put, arrives, queued):
        put(SETTLE)
        arrives("raw/2026-01/a", time=ago(minutes=30))
        arrives("raw/2026-01/b", time=ago(minutes=1))
        (batch,) = gateway.trigger_state.pending_batches()
        assert data.check(gateway, batch.item) is None
        assert queued() == []
        assert len(list(gateway.trigger_state.pending_batches())) == 1

    def test_each_date_has_its_own_batch(self, gateway, put, arrives, queued):
        put(SETTLE)
        arrives("raw/2026-01/a", time=ago(minutes=30))
        arrives("raw/2026-02/a", time=ago(minutes=30))
        for batch in list(gateway.trigger_state.pending_batches()):
            data.check(gateway, batch.item)
        assert sorted(trigger_of(gateway, each).date for each in queued()) == ["2026-01", "2026-02"]

    def test_later_data_starts_another_run_and_a_late_event_none(self, gateway, put, arrives, queued):
        put(SETTLE)
        arrives("raw/2026-01/a", time=ago(minutes=90))
        (batch,) = gateway.trigger_state.pending_batches()
        data.check(gateway, batch.item)
        arrives("raw/2026-01/a", time=batch.last)
        arrives("raw/2026-01/b", time=ago(minutes=95))
        assert list(gateway.trigger_state.pending_batches()) == []
        arrives("raw/2026-01/c", time=ago(minutes=30))
        data.check(gateway, batch.item)
        assert len({each.run for each in queued()}) == 2

    def test_crash_after_requesting_a_run_requests_the_same_run(
        self, gateway, put, arrives, queued, monkeypatch, tools
    ):
        put(SETTLE)
        arrives("raw/2026-01/a", time=ago(minutes=30))
        for message in gateway.queue.receive():  # the one that would look again
            gateway.queue.delete(message)
        (batch,) = gateway.trigger_state.pending_batches()
        monkeypatch.setattr(type(gateway.trigger_state), "record_request", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            data.check(gateway, batch.item)
        monkeypatch.undo()
        (first,) = queued()
        assert "fired" in [repair.what for repair in sweep(gateway, patience=0)]
        (again,) = queued()
        assert (first.new, again) == (True, replace(first, new=False))
        assert len(tools.executions(gateway)) == 1

    def test_delayed_message_checks_the_batch(self, gateway, put, arrives, queued, tools):
        put(SETTLE | {"settle": "1s"})
        arrives("raw/2026-01/a", time=timestamp(datetime.now(UTC)))
        started = tools.until(queued)
        assert trigger_of(gateway, started[0]).type == "data"


def scheduled(gateway, put, last, **schedule):
    put({"type": "schedule", **schedule})
    gateway.trigger_state.record_tick(last)


class TestSchedule:
    def test_tick_starts_due_runs(self, gateway, put, queued, function, context):
        scheduled(gateway, put, "2026-01-31T13:58:00.000Z", cron="0 14 ? * SAT *")
        record = {
            "messageId": "1",
            "body": event("aws.events", "Scheduled Event", {}, "2026-01-31T13:59:10Z"),
        }
        assert handler({"Records": [record]}, context) == {"batchItemFailures": []}
        assert queued() == []
        record["body"] = event("aws.events", "Scheduled Event", {}, "2026-01-31T14:00:10Z")
        assert handler({"Records": [record]}, context) == {"batchItemFailures": []}
        (started,) = queued()
        made = trigger_of(gateway, started)
        assert made.key == "schedule:prices:0 14 ? * SAT *:2026-01-31T14:00Z"
        assert (made.type, made.time) == ("schedule", "2026-01-31T14:00:00.000Z")

    def test_future_tick_skips_no_schedule(self, gateway, put, queued):
        scheduled(gateway, put, ago(minutes=10), rate="1 minute")
        assert accept_all(gateway, event("aws.events", "Scheduled Event", {}, "2999-01-01T00:00:00Z")) == ()
        assert len(queued()) == 1
        assert gateway.trigger_state.last_tick() <= timestamp(datetime.now(UTC))

    def test_repeated_tick_starts_no_second_run(self, gateway, put, queued, tools, monkeypatch):
        scheduled(
            gateway, put, "2026-11-28T13:58:00.000Z", rate="6 hours", parameters={"day": "${trigger.date}"}
        )
        put({"type": "schedule", "rate": "6 hours"})
        now = datetime(2026, 11, 28, 18, 0, 30, tzinfo=UTC)
        monkeypatch.setattr(type(gateway.trigger_state), "record_tick", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            schedules.tick(gateway, now)
        monkeypatch.undo()
        assert schedules.tick(gateway, now) == 1
        assert schedules.tick(gateway, now) == 0
        assert len({each.run for each in queued()}) == 1
        assert len(tools.executions(gateway)) == 1

    def test_missed_minute_is_caught_up(self, gateway, put, queued):
        scheduled(gateway, put, "2026-11-28T13:58:00.000Z", cron="0 14 ? * SAT *")
        assert schedules.tick(gateway, datetime(2026, 11, 28, 14, 7, tzinfo=UTC)) == 1
        assert trigger_of(gateway, queued()[0]).time == "2026-11-28T14:00:00.000Z"

    def test_last_of_many_missed_times_runs_and_the_others_are_listed(self, gateway, put, queued):
        scheduled(gateway, put, "2026-11-28T13:58:00.000Z", cron="0/10 * * * ? *")
        assert schedules.tick(gateway, datetime(2026, 11, 28, 14, 35, tzinfo=UTC)) == 1
        assert trigger_of(gateway, queued()[0]).time == "2026-11-28T14:30:00.000Z"
        assert dropped(gateway) == [
            (
                "schedule",
                schedules.CLOCK_STOPPED.format(count=4, first="2026-11-28T14:00:00.000Z"),
            )
        ]

    def test_date_is_in_the_schedules_time_zone(self, gateway, put, queued):
        scheduled(gateway, put, "2026-11-28T23:00:00.000Z", cron="30 0 * * ? *", timezone="Europe/Zurich")
        schedules.tick(gateway, datetime(2026, 11, 28, 23, 30, tzinfo=UTC))
        assert trigger_of(gateway, queued()[0]).date == "2026-11-29"

    def test_first_tick_evaluates_only_its_minute(self, gateway, put, queued):
        put({"type": "schedule", "cron": "0 * * * ? *"})
        assert schedules.tick(gateway, datetime(2026, 11, 28, 14, 1, tzinfo=UTC)) == 0
        assert schedules.tick(gateway, datetime(2026, 11, 28, 15, 0, tzinfo=UTC)) == 1

    def test_sweeper_ticks_if_the_rule_does_not(self, gateway, put, queued):
        scheduled(gateway, put, ago(minutes=10), rate="1 minute")
        assert [repair.what for repair in sweep(gateway)] == ["ticked"]
        assert len(queued()) == 1
        assert sweep(gateway, patience=3600) == []


APPROVED = {"type": "model-approved", "only": ["deploy"]}
SERVING = {
    "train": {
        "kind": "training",
        "image": "sklearn-1.4",
        "entry_point": "train.py",
        "instance_type": "ml.m5.large",
    },
    "register": {"kind": "register", "model": "${stages.train.model}", "entry_point": "train.py"},
    "deploy": {"kind": "endpoint", "model": "${stages.register.package}", "instance_type": "ml.m5.large"},
}


def decided(package=PACKAGE, status="Approved", group="prices"):
    detail = {"ModelPackageArn": package, "ModelPackageGroupName": group, "ModelApprovalStatus": status}
    return event("aws.sagemaker", "SageMaker Model Package State Change", detail)


class TestApproved:
    @pytest.fixture
    def approved(self, gateway, sagemaker):
        def made(arn=PACKAGE, group="prices", approval="Approved", modified=1.0, run=""):
            metadata = {"stagewright:run": run} if run else {}
            sagemaker.known[arn] = Package(arn, group, 1, "Completed", approval, modified, metadata)

        return made

    def test_approved_package_is_deployed_and_no_other_stage_runs(self, gateway, put, approved):
        put(APPROVED, stages=SERVING)
        approved()
        (started,) = accept_all(gateway, decided())
        record = show(gateway, started.run)
        assert {stage.name: stage.action for stage in record.stages} == {
            "train": "skip", "register": "reuse", "deploy": "run",
        }  # fmt: skip
        (page,) = gateway.runs.items(started.run, f"page#{record.plan}")
        (stage,) = json.loads(page["chains"])[0]
        request = json.loads(stage["requests"]["CreateModel"])
        assert PACKAGE in json.dumps(request)
        assert (record.trigger.package, record.trigger.only) == (PACKAGE, ("deploy",))

    def test_run_takes_date_and_result_of_the_registering_run(self, gateway, put, approved):
        put(APPROVED, stages=SERVING, partition="${trigger.date}")
        first = gateway_run(gateway, put, "2025-12-31T10:00:00.000Z")
        result = {"package": PACKAGE, "arn": PACKAGE}
        gateway.runs.put_all([
            {"run": first, "item": "stage#register", "status": "SUCCEEDED", "result": json.dumps(result),
             "fingerprint": "f", "ended": TIME},
        ])  # fmt: skip
        approved(run=first)
        record = show(gateway, route(gateway, decided()).run)
        assert (record.trigger.run, record.trigger.date) == (first, "2025-12-31")
        register = next(stage for stage in record.stages if stage.name == "register")
        assert (register.reused_from, register.fingerprint) == (first, "f")

    def test_events_of_one_approval_start_one_run(self, gateway, put, approved, tools):
        put(APPROVED, stages=SERVING)
        approved()
        assert [len(accept_all(gateway, decided())) for _ in range(3)] == [1, 1, 1]
        assert len(tools.executions(gateway)) == 1
        approved(modified=2.0)
        assert route(gateway, decided()).new

    def test_package_no_longer_approved_starts_no_run(self, gateway, put, approved):
        put(APPROVED, stages=SERVING)
        approved(approval="Rejected")
        assert accept_all(gateway, decided()) == ()
        assert accept_all(gateway, decided(status="Rejected")) == ()
        assert accept_all(gateway, decided(package=PACKAGE + "2")) == ()

    def test_package_of_another_group_starts_no_run(self, gateway, put, approved):
        put(APPROVED, stages=SERVING)
        put(APPROVED | {"group": "shared"}, name="other", stages=SERVING)
        approved(group="shared")
        runs = accept_all(gateway, decided(group="shared"))
        assert [each.run.split("-")[0] for each in runs] == ["other"]


def gateway_run(gateway, put, time):
    """A run asked for by hand at `time`, whatever becomes of it."""
    detail = {"pipeline": "prices", "request": "first", "by": "ada"}
    return route(gateway, event("stagewright", "Run Requested", detail, time)).run


def finish(gateway, run, status="SUCCEEDED"):
    header = gateway.runs.header(run)
    execution = Execution(header.execution, status, 1.0, 1769868000.0, "", "")
    return close(gateway, header, execution)


UPSTREAM = {"type": "upstream", "pipeline": "prices"}


class TestOddKeys:
    def test_invalid_partition_from_a_key_rejects_the_run(self, gateway, put, arrives):
        put(DATA | {"date": "d=([^/]*)/"}, partition="${trigger.date}")
        for date in ("a b", "a#b", "d" * 900):
            (refused,) = arrives(f"raw/d={date}/_SUCCESS")
            header = gateway.runs.header(refused.run)
            assert header.status == "REFUSED"
            assert "is not a partition (use 1 to 128 characters, without spaces and #)" in header.reason
            assert len(header.reason) < 200
        (started,) = arrives("raw/d=a_b/_SUCCESS")
        assert gateway.runs.header(started.run).partition == "a_b"


class TestUpstream:
    def test_success_starts_downstream_runs(self, gateway, put, queued):
        put(DATA)
        put(UPSTREAM, name="after", parameters={"x": "1"})
        first = gateway_run(gateway, put, "2026-01-30T23:59:00.000Z")
        assert queued() == []
        assert finish(gateway, first) == "SUCCEEDED"
        assert finish(gateway, first) is None
        (started,) = queued()
        made = trigger_of(gateway, started)
        assert (made.type, made.key, made.run) == ("upstream", f"upstream:after:{first}", first)
        assert (made.date, made.chain) == ("2026-01-30", ("prices",))

    def test_failure_starts_no_downstream_run(self, gateway, put, queued):
        put()
        put(UPSTREAM, name="after")
        assert finish(gateway, gateway_run(gateway, put, TIME), "FAILED") == "FAILED"
        assert queued() == []

    def test_crash_before_closing_requests_the_same_downstream_run(
        self, gateway, put, queued, monkeypatch, tools
    ):
        put()
        put(UPSTREAM, name="after")
        first = gateway_run(gateway, put, TIME)
        monkeypatch.setattr(type(gateway.runs), "transition", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            finish(gateway, first)
        monkeypatch.undo()
        assert finish(gateway, first) == "SUCCEEDED"
        assert len({each.run for each in queued()}) == 1

    @pytest.mark.parametrize(("stage", "starts"), [("check", True), ("rest", False)])
    def test_downstream_run_needs_the_success_of_its_stage(self, gateway, put, queued, stage, starts):
        put(stages=GATE | {"rest": GATE["check"] | {"enabled": False}})
        put(UPSTREAM | {"stage": stage}, name="after")
        first = gateway_run(gateway, put, TIME)
        gateway.runs.put_stage_if_absent(first, StageItem("check", "SUCCEEDED", ended=TIME))
        finish(gateway, first)
        assert bool(queued()) is starts

    def test_cycle_stops_at_its_start(self, gateway, put, queued):
        put({"type": "upstream", "pipeline": "after"})
        put(UPSTREAM, name="after")
        finish(gateway, gateway_run(gateway, put, TIME))
        (second,) = queued()
        finish(gateway, second.run)
        assert queued() == []
        assert dropped(gateway) == [("upstream", "upstream triggers form a cycle: prices -> after -> prices")]


class TestMessages:
    def sample(self, place, **more):
        body = {"consumption_pipeline_name": f"{place.id}-prices", "dataset_date": "2026-01-30T05:06:07Z"}
        return {"Records": [{"body": body | {"event_source": "event-bridge"} | more, "eventSource": "x"}]}

    @pytest.mark.parametrize("as_text", [False, True])
    def test_request_in_the_form_of_the_aws_sample(self, gateway, put, installation, as_text):
        put()
        message = self.sample(installation)
        if as_text:
            message["Records"][0]["body"] = json.dumps(message["Records"][0]["body"])
        (started,) = accept_all(gateway, json.dumps(message), "m1")
        made = trigger_of(gateway, started)
        assert (made.type, made.by, made.date, made.key) == (
            "manual", "event-bridge", "2026-01-30", "manual:m1:0",
        )  # fmt: skip

    def test_replayed_message_starts_no_second_run(self, put, function, context, tools, all_end):
        put()
        body = json.dumps(self.sample(function.installation))
        first = {"messageId": "m1", "body": body, "attributes": {"SentTimestamp": "1769868000000"}}
        again = {"messageId": "m9", "body": body, "messageAttributes": {"origin": {"stringValue": "m1"}}}
        other = {"messageId": "m2", "body": body}
        for record in (first, first, again, other):
            assert handler({"Records": [record]}, context) == {"batchItemFailures": []}
        all_end()
        assert len(tools.executions(function)) == 2
        assert any(
            record.trigger.time == "2026-01-31T14:00:00.000Z" for record in list_runs(function, "prices")
        )

    def test_request_without_an_event(self, gateway, put):
        put(parameters={"limit": 3})
        body = json.dumps({"pipeline": "prices", "parameters": {"limit": 5}, "by": "cron"})
        made = trigger_of(gateway, accept_all(gateway, body, "m1")[0])
        assert (made.key, made.by, made.parameters) == ("manual:m1", "cron", {"limit": 5})

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"consumption_pipeline_name": None}, "consumption_pipeline_name"),
            ({"consumption_pipeline_name": "No Such"}, "is not a pipeline name"),
            ({"dataset_date": "yesterday"}, "dataset_date 'yesterday' has no date in it"),
        ],
    )
    def test_wrong_sample_request_names_the_problem(self, gateway, installation, change, message):
        with pytest.raises(MalformedError, match=message):
            accept_all(gateway, json.dumps(self.sample(installation, **change)))

    @pytest.mark.parametrize("body", ["{}", "[]", '"x"', "1", "null", '{"Records": [{}]}', '{"Records": 1}'])
    def test_other_bodies_are_malformed(self, gateway, body):
        with pytest.raises(MalformedError):
            accept_all(gateway, body)


class TestDropped:
    def test_cooldown_starts_with_a_run_and_skips_events_with_a_reason(
        self, gateway, put, arrives, tools, all_end
    ):
        put(DATA | {"cooldown": "1h"})
        first = arrives("raw/_SUCCESS", "v1", "2026-01-31T14:00:00Z")
        assert arrives("raw/_SUCCESS", "v2", "2026-01-31T14:59:59Z") == ()
        assert arrives("raw/_SUCCESS", "v1", "2026-01-31T14:00:00Z")[0].run == first[0].run
        assert len(arrives("raw/_SUCCESS", "v3", "2026-01-31T15:00:00Z")) == 1
        assert arrives("raw/_SUCCESS", "v2", "2026-01-31T14:59:59Z") == ()
        assert dropped(gateway) == [("data", "within the trigger's cooldown of 1h")]
        with pytest.raises(NotFoundError, match="the event data:prices:raw/_SUCCESS:v2 started no run"):
            find_run(gateway, "data:prices:raw/_SUCCESS:v2")
        all_end()
        assert len(tools.executions(gateway)) == 2

    def test_skipped_objects_with_the_longest_names_are_listed_separately(self, gateway, put, arrives):
        put(DATA | {"cooldown": "1h"})
        long = f"raw/{'k' * 1_000}"
        assert len(arrives(f"{long}/1_SUCCESS")) == 1
        for _ in range(2):
            assert arrives(f"{long}/2_SUCCESS") == arrives(f"{long}/3_SUCCESS") == ()
        keys = {each.key for each in gateway.trigger_state.skipped_events("prices", 9)}
        assert keys == {f"data:prices:{long}/{number}_SUCCESS:v1" for number in (2, 3)}

    def test_rejected_run_starts_no_cooldown(self, gateway, put, arrives):
        put(DATA | {"cooldown": "1h", "parameters": {"a": "${trigger.uri}"}}, parameters={"a": ""},
            stages={"one": GATE["check"] | {"require": "'${parameters.a}' == 'x'"}})  # fmt: skip
        (refused,) = arrives("raw/${x}_SUCCESS")
        assert gateway.runs.header(refused.run).status == "REFUSED"
        (started,) = arrives("raw/_SUCCESS", "v2")
        assert gateway.runs.header(started.run).status == "RUNNING"

    def test_cooldown_does_not_affect_other_triggers(self, put, arrives):
        put(DATA | {"cooldown": "1h"}, DATA | {"prefix": "other/", "cooldown": "1h"})
        assert len(arrives("raw/_SUCCESS")) == len(arrives("other/_SUCCESS")) == 1

    def test_event_of_a_removed_trigger_is_skipped(self, gateway, put, queued):
        scheduled(gateway, put, "2026-11-28T13:58:00.000Z", cron="0 14 ? * SAT *")
        schedules.tick(gateway, datetime(2026, 11, 28, 14, 0, tzinfo=UTC))
        put({"type": "schedule", "cron": "0 15 ? * SAT *"})
        assert queued() == []
        assert dropped(gateway) == [("schedule", "the document no longer has this trigger")]

    def test_newest_skipped_events_come_first(self, gateway, put, arrives):
        put(DATA | {"cooldown": "1d"})
        for second in range(5):
            arrives("raw/_SUCCESS", f"v{second}", f"2026-01-31T14:00:0{second}Z")
        assert [each.time[-8:-5] for each in gateway.trigger_state.skipped_events("prices", 2)] == [
            ":04",
            ":03",
        ]
        item = next(iter(gateway.runs.items("skipped#prices", "2026")))
        assert item["expires"] - datetime(2026, 1, 31, 14, tzinfo=UTC).timestamp() == 30 * 86400 + 1


def test_only_disables_the_other_stages_for_this_run(gateway, put, arrives):
    put(DATA | {"only": ["check"]}, stages=GATE | {"other": GATE["check"]})
    record = show(gateway, arrives("raw/_SUCCESS")[0].run)
    assert {stage.name: (stage.action, stage.reason) for stage in record.stages} == {
        "check": ("run", "no earlier result"),
        "other": ("skip", "not selected"),
    }
    assert '"enabled"' not in gateway.documents.newest_revision("prices").document
