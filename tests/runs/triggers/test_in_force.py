"""A trigger acts on what happens after the push that added it, however late the event arrives."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from tests.support.messages import accept_all, record_end
from tests.support.triggers import ago, event

from stagewright.aws.registry import Package
from stagewright.document.load import load
from stagewright.naming import timestamp
from stagewright.runs.releases.push import push
from stagewright.runs.triggers import schedules
from stagewright.runs.triggers.subscriptions import Subscriptions

GATE = {"check": {"kind": "gate", "require": "1 >= 0"}}
DATA = {"type": "data", "prefix": "raw/", "suffix": "_SUCCESS"}
BATCH = {"type": "data", "prefix": "raw/", "settle": "1m"}
PACKAGE = "arn:aws:sagemaker:us-east-1:000000000000:model-package/prices/1"


@pytest.fixture
def pushed(gateway):
    def made(*triggers, name="prices", **more):
        push(gateway, load({"name": name, "stages": GATE, "triggers": list(triggers), **more}), {})

    return made


def now():
    return timestamp(datetime.now(UTC))


def runs(gateway, name="prices"):
    return [header.trigger.type for header in gateway.runs.of_pipeline(name, 10)]


def test_trigger_ignores_events_from_before_its_push(gateway, pushed, arrive):
    pushed(DATA)
    assert arrive("raw/2026-01/_SUCCESS", time=ago(hours=1)) == ()
    assert len(arrive("raw/2026-01/_SUCCESS", version="v2", time=now())) == 1


def test_trigger_that_an_earlier_push_had_acts_on_late_events(gateway, pushed, arrive):
    pushed(DATA)
    between = now()
    time.sleep(1.1)  # S3 dates versions in whole seconds
    pushed(DATA, description="changed")
    assert len(arrive("raw/2026-01/_SUCCESS", time=between)) == 1


def test_trigger_that_a_later_push_adds_ignores_late_events(gateway, pushed, arrive):
    pushed()
    between = now()
    time.sleep(1.1)
    pushed(DATA)
    assert arrive("raw/2026-01/_SUCCESS", time=between) == ()


def test_batch_holds_no_object_from_before_its_push(gateway, pushed, arrive):
    pushed(BATCH)
    arrive("raw/2026-01/part-1", time=ago(hours=1))
    assert list(gateway.trigger_state.pending_batches()) == []
    arrive("raw/2026-01/part-2", time=now())
    assert len(list(gateway.trigger_state.pending_batches())) == 1


def test_schedule_does_not_fire_for_times_before_its_push(gateway, pushed, deliver):
    gateway.trigger_state.record_tick(ago(hours=3))
    pushed({"type": "schedule", "rate": "1 minute"})
    assert schedules.tick(gateway, datetime.now(UTC) - timedelta(minutes=2)) == 0
    later = datetime.now(UTC) + timedelta(minutes=2)
    assert schedules.tick(gateway, later) == 1
    assert len(deliver()) == 1


def test_approval_of_yesterday_starts_no_trigger_of_today(gateway, pushed, sagemaker):
    stages = GATE | {"deploy": {"kind": "gate", "require": "2 >= 0"}}
    pushed({"type": "model-approved", "group": "prices"}, stages=stages)
    package = Package(PACKAGE, "prices", 1, "Completed", "Approved", time.time() - 3600)
    sagemaker.known[PACKAGE] = package
    detail = {"ModelPackageArn": PACKAGE, "ModelPackageGroupName": "prices"}

    def approved(at):
        kind = "SageMaker Model Package State Change"
        return accept_all(gateway, event("aws.sagemaker", kind, detail, at))

    assert approved(ago(hours=1)) == ()
    assert len(approved(now())) == 1


def test_run_that_ended_before_the_push_triggers_nothing(gateway, pushed, requested, tools, deliver):
    pushed(name="features")
    (started,) = accept_all(gateway, requested(pipeline="features"))
    tools.until(lambda: gateway.executions.describe(started.execution).status == "SUCCEEDED")
    time.sleep(1.1)
    pushed({"type": "upstream", "pipeline": "features"})
    assert record_end(gateway, started.execution) == "SUCCEEDED"
    deliver()
    assert runs(gateway) == []
    (again,) = accept_all(gateway, requested(pipeline="features", request="2"))
    tools.until(lambda: gateway.executions.describe(again.execution).status == "SUCCEEDED")
    record_end(gateway, again.execution)
    deliver()
    assert runs(gateway) == ["upstream"]


def test_trigger_added_in_the_table_is_not_in_force(gateway, pushed):
    pushed()
    (trigger,) = load({"name": "prices", "stages": GATE, "triggers": [DATA]}).triggers
    assert not Subscriptions(gateway).is_in_force("prices", trigger, now())
