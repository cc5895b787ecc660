"""What the schedules do in an installation where nothing runs, and what that costs."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from tests.support.messages import body, route

from stagewright.catalog.price_lists import UNITS
from stagewright.catalog.prices import Prices
from stagewright.functions import router, sweeper
from stagewright.installation.idle_cost import FREE, WORK, idle_cost
from stagewright.installation.resources import resources
from stagewright.naming import timestamp
from stagewright.runs.releases.push import push

READS = ("GetItem", "Query")
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem")
LISTINGS = ("ListObjectsV2", "ListObjectVersions")


@pytest.fixture
def idle(function, pipeline, files, created, all_end):
    """An installation whose only pipeline has run. Counts the calls from now on by operation."""
    version = push(function, pipeline, files).trigger_key.rsplit(":", 1)[1]
    route(function, created(version))
    all_end()
    calls: Counter[str] = Counter()
    services = (
        function.runs.client,
        function.objects.client,
        function.queue.client,
        function.executions.client,
    )

    def count(model, **_):
        calls[model.name] += 1

    for client in services:
        client.meta.events.register("before-call", count)
    yield calls
    for client in services:
        client.meta.events.unregister("before-call", count)


def assert_within(calls, work):
    assert 0 < sum(calls[name] for name in READS) <= work.reads
    assert sum(calls[name] for name in WRITES) <= work.writes
    assert sum(calls[name] for name in LISTINGS) <= work.listings
    assert set(calls) <= {*READS, *WRITES, *LISTINGS}


def test_tick_makes_no_more_calls_than_are_priced(idle, function, context):
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    function.trigger_state.record_tick(timestamp(now - timedelta(minutes=1)))
    idle.clear()
    records = [{"messageId": "m", "body": body("aws.events", "Scheduled Event", {}, timestamp(now))}]
    assert router.handler({"Records": records}, context) == {"batchItemFailures": []}
    assert_within(idle, WORK["tick"])


def test_sweep_makes_no_more_calls_than_are_priced(idle, context):
    sweeper.handler({}, context)
    idle.clear()
    assert sweeper.handler({}, context) == {"repairs": 0}
    assert_within(idle, WORK["sweep"])


def test_every_kind_of_resource_is_priced_or_free():
    priced = {
        "alarms",
        "log_metrics",
        "dashboard",
        "event_sources",
        "rules",
        "functions",
        "tables",
        "log_groups",
    }
    assert resources().keys() == priced | FREE
    assert priced.isdisjoint(FREE)
    scheduled = {key for key, rule in resources()["rules"].items() if rule["schedule"]}
    assert scheduled == WORK.keys()


def test_month_is_computed_from_the_resources():
    units = dict.fromkeys(UNITS.values(), Decimal(1))
    prices = Prices(region="us-east-1", currency="USD", date=date(2026, 11, 27), units=units)
    quantities = {(item.what, item.unit): item.quantity for item in idle_cost(resources(), prices)}
    assert quantities["alarms", "alarm-month"] == len(resources()["alarms"])
    assert quantities["tick: router", "lambda request"] == 730 * 60
    assert quantities["tick: messages", "sqs request"] == 3 * 730 * 60
    assert quantities["sweep: sweeper", "lambda request"] == 730 * 12
    seconds = 730 * 60 * WORK["tick"].seconds  # of 1 GB
    assert quantities["tick: router", "lambda GB-second"] == seconds
    assert all(item.cost == item.quantity for item in idle_cost(resources(), prices))


def test_another_resource_costs_more():
    prices = Prices(
        region="r", currency="USD", date=date(2026, 11, 27), units={"alarm-month": Decimal("0.1")}
    )
    more = {**resources(), "alarms": {**resources()["alarms"], "another": {}}}
    before, after = (idle_cost(content, prices)[0].cost for content in (resources(), more))
    assert after - before == Decimal("0.1")
