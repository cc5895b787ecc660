from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.support.messages import accept_all, sweep
from tests.support.triggers import ago, event, scheduled, skipped, trigger_of

from stagewright.functions.router import handler
from stagewright.naming import timestamp
from stagewright.runs.triggers import schedules


class TestSchedule:
    def test_tick_starts_due_runs(self, gateway, put_document, deliver, function, context):
        scheduled(gateway, put_document, "2026-01-31T13:58:00.000Z", cron="0 14 ? * SAT *")
        record = {
            "messageId": "1",
            "body": event("aws.events", "Scheduled Event", {}, "2026-01-31T13:59:10Z"),
        }
        assert handler({"Records": [record]}, context) == {"batchItemFailures": []}
        assert deliver() == []
        record["body"] = event("aws.events", "Scheduled Event", {}, "2026-01-31T14:00:10Z")
        assert handler({"Records": [record]}, context) == {"batchItemFailures": []}
        (started,) = deliver()
        made = trigger_of(gateway, started)
        assert made.key == "schedule:prices:0 14 ? * SAT *:2026-01-31T14:00Z"
        assert made.type == "schedule"
        assert made.time == "2026-01-31T14:00:00.000Z"

    def test_future_tick_skips_no_schedule(self, gateway, put_document, deliver):
        scheduled(gateway, put_document, ago(minutes=10), rate="1 minute")
        assert accept_all(gateway, event("aws.events", "Scheduled Event", {}, "2999-01-01T00:00:00Z")) == ()
        assert len(deliver()) == 1
        assert gateway.trigger_state.last_tick() <= timestamp(datetime.now(UTC))

    def test_repeated_tick_starts_no_second_run(self, gateway, put_document, deliver, tools, monkeypatch):
        scheduled(
            gateway,
            put_document,
            "2026-11-28T13:58:00.000Z",
            rate="6 hours",
            parameters={"day": "${trigger.date}"},
        )
        put_document({"type": "schedule", "rate": "6 hours"})
        now = datetime(2026, 11, 28, 18, 0, 30, tzinfo=UTC)
        monkeypatch.setattr(type(gateway.trigger_state), "record_tick", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            schedules.tick(gateway, now)
        monkeypatch.undo()
        assert schedules.tick(gateway, now) == 1
        assert schedules.tick(gateway, now) == 0
        assert len({each.run for each in deliver()}) == 1
        assert len(tools.executions(gateway)) == 1

    def test_missed_minute_is_caught_up(self, gateway, put_document, deliver):
        scheduled(gateway, put_document, "2026-11-28T13:58:00.000Z", cron="0 14 ? * SAT *")
        assert schedules.tick(gateway, datetime(2026, 11, 28, 14, 7, tzinfo=UTC)) == 1
        assert trigger_of(gateway, deliver()[0]).time == "2026-11-28T14:00:00.000Z"

    def test_last_of_many_missed_times_runs_and_the_others_are_listed(self, gateway, put_document, deliver):
        scheduled(gateway, put_document, "2026-11-28T13:58:00.000Z", cron="0/10 * * * ? *")
        assert schedules.tick(gateway, datetime(2026, 11, 28, 14, 35, tzinfo=UTC)) == 1
        assert trigger_of(gateway, deliver()[0]).time == "2026-11-28T14:30:00.000Z"
        assert skipped(gateway) == [
            (
                "schedule",
                schedules.CLOCK_STOPPED.format(count=4, first="2026-11-28T14:00:00.000Z"),
            )
        ]

    def test_date_is_in_the_schedules_time_zone(self, gateway, put_document, deliver):
        scheduled(
            gateway, put_document, "2026-11-28T23:00:00.000Z", cron="30 0 * * ? *", timezone="Europe/Zurich"
        )
        schedules.tick(gateway, datetime(2026, 11, 28, 23, 30, tzinfo=UTC))
        assert trigger_of(gateway, deliver()[0]).date == "2026-11-29"

    def test_first_tick_evaluates_only_its_minute(self, gateway, put_document, deliver):
        put_document({"type": "schedule", "cron": "0 * * * ? *"})
        assert schedules.tick(gateway, datetime(2026, 11, 28, 14, 1, tzinfo=UTC)) == 0
        assert schedules.tick(gateway, datetime(2026, 11, 28, 15, 0, tzinfo=UTC)) == 1

    def test_sweeper_ticks_if_the_rule_does_not(self, gateway, put_document, deliver):
        scheduled(gateway, put_document, ago(minutes=10), rate="1 minute")
        assert [repair.what for repair in sweep(gateway)] == ["ticked"]
        assert len(deliver()) == 1
        assert sweep(gateway, patience=3600) == []
