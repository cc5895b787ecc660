"""What a run used and cost is recorded once it is known, whatever dies in between."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from tests.support.messages import record_end, route, sweep

from stagewright.aws.used_time import UsedTime
from stagewright.catalog.prices import Prices
from stagewright.errors import DeniedError
from stagewright.functions import environment
from stagewright.runs import prices as price_store
from stagewright.runs import usage
from stagewright.runs.history.run_history import list_runs, show
from stagewright.runs.releases.push import push

HOURLY = {"training job": "36", "processing job": "72"}
PRICES = Prices(
    region="us-east-1", currency="USD", date=date(2026, 11, 27), instances={"ml.m5.large": HOURLY}
)
"""An instance-second of training costs 0.01, one of processing 0.02."""


@pytest.fixture
def started(gateway, pipeline, files, created, tools):
    """`started()`: a run whose execution has succeeded and that is not closed yet."""

    def start():
        version = push(gateway, pipeline, files).trigger_key.rsplit(":", 1)[1]
        run = route(gateway, created(version))
        tools.until(lambda: gateway.executions.describe(run.execution).status != "RUNNING")
        return run

    return start


def job(gateway, run, stage):
    return next(item.job for item in show(gateway, run).stages if item.name == stage)


def close(gateway, run, **used):
    """Close a run whose jobs used these times."""
    gateway.used_times.used = {job(gateway, run.run, stage): time for stage, time in used.items()}
    return record_end(gateway, run.execution)


def cost(gateway, run):
    return json.loads(gateway.runs.header(run.run).cost)


def test_end_of_a_run_records_its_cost(gateway, started):
    price_store.put(gateway, PRICES)
    run = started()
    assert close(
        gateway, run, prepare=UsedTime({"ml.m5.large": 100}), train=UsedTime({"ml.m5.large": 30}, 70)
    )
    assert cost(gateway, run) == {
        "amount": "2.3000", "currency": "USD", "prices_of": "2026-11-27", "seconds": 130, "saved": 70,
        "unpriced": [], "final": True,
    }  # fmt: skip
    record = show(gateway, run.run)
    assert {stage.name: stage.used.cost for stage in record.stages if stage.used.seconds} == {
        "prepare": "2.0000", "train": "0.3000",
    }  # fmt: skip
    assert list_runs(gateway, "prices")[0].cost == record.cost
    assert gateway.runs.uncounted() == ()


def test_prices_of_the_plan_count_and_not_those_of_the_end(gateway, started):
    price_store.put(gateway, PRICES)
    run = started()
    dear = {"ml.m5.large": {name: Decimal(1000) for name in HOURLY}}
    price_store.put(gateway, PRICES.model_copy(update={"instances": dear}))
    close(gateway, run, prepare=UsedTime({"ml.m5.large": 100}))
    assert cost(gateway, run)["amount"] == "2.0000"


def test_without_prices_the_time_is_recorded_without_money(gateway, started):
    run = started()
    close(gateway, run, prepare=UsedTime({"ml.m5.large": 100}))
    assert cost(gateway, run) == {
        "amount": "", "currency": "", "prices_of": "", "seconds": 100, "saved": 0, "unpriced": [],
        "final": True,
    }  # fmt: skip


def test_type_without_a_price_is_named(gateway, started):
    price_store.put(gateway, PRICES)
    run = started()
    close(gateway, run, prepare=UsedTime({"ml.m5.large": 100}), train=UsedTime({"ml.other": 50}))
    assert (cost(gateway, run)["amount"], cost(gateway, run)["unpriced"]) == ("2.0000", ["ml.other"])


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"format": 2}'])
def test_unreadable_prices_stop_no_run(gateway, started, content):
    gateway.objects.put(price_store.KEY, content)
    run = started()
    assert close(gateway, run) == "SUCCEEDED"
    prices, (warning,) = price_store.read(gateway)
    assert prices is None
    assert warning.startswith("the prices are not used: s3://")


def test_job_that_is_still_stopping_is_counted_by_the_sweeper(gateway, started):
    price_store.put(gateway, PRICES)
    run = started()
    close(gateway, run, prepare=UsedTime({}, final=False))
    assert cost(gateway, run)["final"] is False
    assert [name for name, _ in gateway.runs.uncounted()] == [run.run]
    assert sweep(gateway, patience=-1) == []
    assert [name for name, _ in gateway.runs.uncounted()] == [run.run]
    gateway.used_times.used = {name: UsedTime({"ml.m5.large": 9}) for name in gateway.used_times.used}
    assert sweep(gateway, patience=-1) == []  # a count is no repair
    assert (cost(gateway, run)["amount"], cost(gateway, run)["final"]) == ("0.1800", True)
    assert gateway.runs.uncounted() == ()


def test_denied_call_is_logged_and_tried_again(gateway, started, monkeypatch):
    price_store.put(gateway, PRICES)
    run = started()

    def denied(*_):
        raise DeniedError("sagemaker:DescribeTrainingJob is denied", "allow it")

    with monkeypatch.context() as patch:
        patch.setattr(type(gateway.used_times), "of", denied)
        assert close(gateway, run) == "SUCCEEDED"
        assert gateway.runs.header(run.run).cost == ""
        assert sweep(gateway, patience=-1) == []
    sweep(gateway, patience=-1)
    assert cost(gateway, run)["final"] is True


def test_recorder_that_dies_after_the_end_is_made_up_for(gateway, started, monkeypatch):
    run = started()

    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(usage, "record", dies)
        with pytest.raises(KeyboardInterrupt):
            close(gateway, run)
    assert gateway.runs.header(run.run).status == "SUCCEEDED"
    sweep(gateway, patience=-1)
    assert cost(gateway, run)["final"] is True


def test_count_ends_after_a_day(gateway, started, monkeypatch):
    run = started()
    close(gateway, run, prepare=UsedTime({}, final=False))
    monkeypatch.setattr("stagewright.runs.reconciling.follow_ups.COUNTED_FOR", -60)
    sweep(gateway, patience=-1)
    assert gateway.runs.uncounted() == ()
    assert cost(gateway, run)["final"] is False


def test_repeated_count_gives_the_same(gateway, started):
    price_store.put(gateway, PRICES)
    run = started()
    close(gateway, run, prepare=UsedTime({"ml.m5.large": 100}))
    first = cost(gateway, run)
    usage.record(environment.runtime_of(gateway), run.run)
    assert cost(gateway, run) == first


def test_mark_of_a_counted_run_is_removed(gateway, started):
    run = started()
    close(gateway, run)
    since = gateway.runs.header(run.run).ended
    gateway.runs.put_if_absent({"run": "uncounted", "item": f"run#{run.run}", "since": since})
    sweep(gateway, patience=-1)
    assert gateway.runs.uncounted() == ()


def test_open_and_unknown_runs_are_not_counted(gateway, started):
    run = started()
    assert usage.count(gateway, run.run) is None
    assert usage.count(gateway, "prices-19700101t000000-000000") is None
    assert gateway.runs.header(run.run).cost == ""


def test_run_that_was_rejected_is_not_on_the_list(gateway, pipeline, files, created):
    budget = {"budget": {"money": 0.01}}
    document = type(pipeline).model_validate(pipeline.model_dump(mode="json", exclude_unset=True) | budget)
    version = push(gateway, document, files).trigger_key.rsplit(":", 1)[1]
    run = route(gateway, created(version))
    header = gateway.runs.header(run.run)
    assert header.status == "REJECTED"
    assert "budget.money: no price for" in header.reason
    assert header.reason.endswith("(stagewright prices update, or set budget.prices)")
    assert gateway.runs.uncounted() == ()


def test_record_of_an_older_version_has_no_cost(gateway, started):
    run = started()
    close(gateway, run)
    header = gateway.runs.header(run.run)
    assert usage.read(gateway, replace(header, cost="")) is None
    assert usage.RunCost.of(replace(header, cost="")) is None
