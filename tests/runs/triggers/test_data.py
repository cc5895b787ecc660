from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.support.messages import sweep
from tests.support.triggers import DATA, TIME, ago, event, trigger_of

from stagewright.document.canonical_json import sha256_of
from stagewright.document.stored_layers import Base
from stagewright.functions.router import handler
from stagewright.naming import timestamp
from stagewright.runs.history.run_history import list_runs, show
from stagewright.runs.triggers import data


class TestData:
    def test_only_the_object_with_the_suffix_starts_a_run(self, gateway, put_document, arrive, tools):
        put_document(DATA | {"parameters": {"month": "${trigger.date}"}}, parameters={"month": ""})
        assert arrive("raw/2026-01/part-1") == ()
        assert arrive("other/2026-01/_SUCCESS") == ()
        (started,) = arrive("raw/2026-01/_SUCCESS")
        made = trigger_of(gateway, started)
        assert made.type == "data"
        assert made.key == "data:prices:raw/2026-01/_SUCCESS:v1"
        assert made.uri == f"s3://{gateway.installation.bucket}/raw/2026-01/_SUCCESS"
        assert made.date == "2026-01"
        assert made.parameters == {"month": "2026-01"}
        assert len(tools.executions(gateway)) == 1

    def test_redelivery_starts_no_second_run_and_a_new_version_does(
        self, arrive, put_document, tools, gateway, all_end
    ):
        put_document(DATA)
        first = arrive("raw/_SUCCESS")
        assert arrive("raw/_SUCCESS") == (replace(first[0], new=False),)
        assert arrive("raw/_SUCCESS", "v2")[0].new
        all_end()
        assert len(tools.executions(gateway)) == 2

    def test_object_starts_one_run_per_matching_pipeline(self, put_document, arrive):
        put_document(DATA, {"type": "data", "prefix": "raw/2026", "suffix": "S"})
        put_document(DATA, name="other")
        put_document({"type": "code"}, name="third")
        assert sorted(each.run.split("-")[0] for each in arrive("raw/2026/_SUCCESS")) == ["other", "prices"]

    def test_date_is_found_by_the_documents_pattern(self, gateway, put_document, arrive):
        put_document(DATA | {"date": "day_([0-9]+)"}, DATA | {"prefix": "as/", "date": "(q[1-4])"})
        days = [
            trigger_of(gateway, arrive(key)[0]).date
            for key in ("raw/2025-01-01/day_20260131/_SUCCESS", "raw/2025-01-01/_SUCCESS", "as/q3/_SUCCESS")
        ]
        assert days == ["2026-01-31", "2026-01-31", "q3"]

    def test_string_from_the_key_cannot_set_a_number(self, gateway, put_document, arrive):
        put_document(DATA | {"parameters": {"month": "${trigger.date}"}}, parameters={"month": 1})
        record = show(gateway, arrive("raw/_SUCCESS")[0].run)
        assert record.status == "REJECTED"
        assert "month is declared as a number, not ${trigger.date}, which is a text" in record.reason

    def test_wrong_document_rejects_its_run_only(self, gateway, put_document, arrive):
        put_document(DATA, stages={"check": {"kind": "gat"}})
        put_document(DATA, name="other")
        runs = {each.run.split("-")[0]: each for each in arrive("raw/_SUCCESS")}
        assert gateway.runs.header(runs["prices"].run).status == "REJECTED"
        assert gateway.runs.header(runs["other"].run).status == "RUNNING"

    @pytest.mark.parametrize(
        "date", ["(a+)+$", "a?" * 40 + "(b)", "(", "a{9999999999}(b)", "(b)" + "x" * 600]
    )
    def test_slow_or_invalid_date_in_the_table_rejects_its_run_only(
        self, gateway, put_document, arrive, date
    ):
        """`push` refuses such a document, but the table can be edited."""
        put_document(DATA | {"date": date})
        put_document(DATA, name="other")
        runs = {start.run.split("-")[0]: start for start in arrive(f"raw/{'a' * 60}!/_SUCCESS")}
        rejected = gateway.runs.header(runs["prices"].run)
        assert rejected.status == "REJECTED"
        assert "triggers[0].date: " in rejected.reason
        assert gateway.runs.header(runs["other"].run).status == "RUNNING"

    def test_document_that_is_nested_too_deeply_stops_no_other_pipeline(self, gateway, put_document, arrive):
        text = "[" * 100_000
        gateway.documents.put_layer("prices", "base", Base(text, sha256_of(text), TIME))
        put_document(DATA, name="other")
        (start,) = arrive("raw/_SUCCESS")
        assert gateway.runs.header(start.run).status == "RUNNING"

    def test_new_document_applies_at_once(self, put_document, arrive):
        assert arrive("raw/_SUCCESS") == ()
        put_document(DATA)
        assert len(arrive("raw/_SUCCESS")) == 1
        put_document()
        assert arrive("raw/_SUCCESS", "v2") == ()

    def test_object_without_a_trigger_is_no_error(self, gateway, arrive, put_document, function, context):
        put_document(DATA)
        detail = {"bucket": {"name": gateway.installation.bucket}, "object": {"key": "x", "version-id": "1"}}
        record = {"messageId": "1", "body": event("aws.s3", "Object Created", detail)}
        assert handler({"Records": [record]}, context) == {"batchItemFailures": []}
        assert list_runs(gateway, "prices") == []


SETTLE = {"type": "data", "prefix": "raw/", "settle": "10m"}


class TestBatch:
    def test_batch_starts_one_run_after_its_window(self, gateway, put_document, arrive, deliver, tools):
        put_document(SETTLE)
        for number, minutes in enumerate((30, 25, 40, 25)):
            assert arrive(f"raw/2026-01/part-{number}", time=ago(minutes=minutes)) == ()
        (batch,) = gateway.trigger_state.pending_batches()
        assert data.check(gateway, batch.item)
        assert data.check(gateway, batch.item) is None
        assert list(gateway.trigger_state.pending_batches()) == []
        (started,) = deliver()
        made = trigger_of(gateway, started)
        assert made.key == f"data:prices:raw/:2026-01:{batch.last}"
        assert made.date == "2026-01"
        assert made.uri == f"s3://{gateway.installation.bucket}/raw/"
        assert len(tools.executions(gateway)) == 1

    def test_batch_with_an_open_window_starts_no_run(self, gateway, put_document, arrive, deliver):
        put_document(SETTLE)
        arrive("raw/2026-01/a", time=ago(minutes=30))
        arrive("raw/2026-01/b", time=ago(minutes=1))
        (batch,) = gateway.trigger_state.pending_batches()
        assert data.check(gateway, batch.item) is None
        assert deliver() == []
        assert len(list(gateway.trigger_state.pending_batches())) == 1

    def test_each_date_has_its_own_batch(self, gateway, put_document, arrive, deliver):
        put_document(SETTLE)
        arrive("raw/2026-01/a", time=ago(minutes=30))
        arrive("raw/2026-02/a", time=ago(minutes=30))
        for batch in list(gateway.trigger_state.pending_batches()):
            data.check(gateway, batch.item)
        assert sorted(trigger_of(gateway, each).date for each in deliver()) == ["2026-01", "2026-02"]

    def test_later_data_starts_another_run_and_a_late_event_none(
        self, gateway, put_document, arrive, deliver
    ):
        put_document(SETTLE)
        arrive("raw/2026-01/a", time=ago(minutes=90))
        (batch,) = gateway.trigger_state.pending_batches()
        data.check(gateway, batch.item)
        arrive("raw/2026-01/a", time=batch.last)
        arrive("raw/2026-01/b", time=ago(minutes=95))
        assert list(gateway.trigger_state.pending_batches()) == []
        arrive("raw/2026-01/c", time=ago(minutes=30))
        data.check(gateway, batch.item)
        assert len({each.run for each in deliver()}) == 2

    def test_crash_after_requesting_a_run_requests_the_same_run(
        self, gateway, put_document, arrive, deliver, monkeypatch, tools
    ):
        put_document(SETTLE)
        arrive("raw/2026-01/a", time=ago(minutes=30))
        for message in gateway.queue.receive():  # the one that would look again
            gateway.queue.delete(message)
        (batch,) = gateway.trigger_state.pending_batches()
        monkeypatch.setattr(type(gateway.trigger_state), "record_request", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            data.check(gateway, batch.item)
        monkeypatch.undo()
        (first,) = deliver()
        assert "fired" in [repair.what for repair in sweep(gateway, patience=0)]
        (again,) = deliver()
        assert first.new is True
        assert again == replace(first, new=False)
        assert len(tools.executions(gateway)) == 1

    def test_delayed_message_checks_the_batch(self, gateway, put_document, arrive, deliver, tools):
        put_document(SETTLE | {"settle": "1s"})
        arrive("raw/2026-01/a", time=timestamp(datetime.now(UTC)))
        started = tools.until(deliver)
        assert trigger_of(gateway, started[0]).type == "data"


class TestOddKeys:
    def test_invalid_partition_from_a_key_rejects_the_run(self, gateway, put_document, arrive):
        put_document(DATA | {"date": "d=([^/]*)/"}, partition="${trigger.date}")
        for date in ("a b", "a#b", "d" * 900):
            (refused,) = arrive(f"raw/d={date}/_SUCCESS")
            header = gateway.runs.header(refused.run)
            assert header.status == "REJECTED"
            assert "is not a partition (use 1 to 128 characters, without spaces and #)" in header.reason
            assert len(header.reason) < 200
        (started,) = arrive("raw/d=a_b/_SUCCESS")
        assert gateway.runs.header(started.run).partition == "a_b"
