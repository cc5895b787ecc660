from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from tests.support.messages import sweep

from stagewright.aws.executions import Executions
from stagewright.errors import DocumentError, PlanError, ReleaseError, TargetError
from stagewright.planner.model import PLAN_FORMAT, Plan, StagePlan, Trigger
from stagewright.runs import starting, stored_plan
from stagewright.runs.history.run_history import find_run, list_runs, show
from stagewright.runs.rejecting import record_rejected
from stagewright.runs.starting import ensure_started, launch, start
from stagewright.runs.stored_plan import PlanProof, plan_items
from stagewright.runs.values import RunOptions
from stagewright.store.items import encode

TIME = "2026-01-31T14:00:00.000Z"
RUN = "prices-20260131t140000-abcdef"


def plan_of(*stages, key="manual:1", run=RUN, waves=None):
    trigger = Trigger("manual", key, TIME, "ada", {"limit": 4})
    waves = waves or ((tuple(stage.name for stage in stages if stage.action == "run"),),)
    return Plan(run, "prices", "2026-01", trigger, "release", 7, stages, waves)


def training(name="train", **more):
    return StagePlan(
        name, "training", "run", "no earlier result", "f1", {"image": "i"}, f"{RUN}-{name}-1", 60, **more
    )


def test_plan_is_written_as_pages_and_header(gateway, tools):
    reused = StagePlan(
        "prepare", "processing", "reuse", "same as run x", "f0", result={"outputs": {"a": "s3://b/c"}}
    )
    plan = plan_of(replace(reused, reused_from="x"), training())
    started = start(gateway, plan)
    assert started.run == RUN
    assert started.new is True
    header = gateway.runs.header(RUN)
    assert header.status == "RUNNING"
    name, _ = plan_items(plan)
    assert header.plan == name
    assert header.revision == 7
    assert header.partition == "2026-01"
    assert header.trigger == plan.trigger
    (execution,) = tools.executions(gateway)
    assert execution["executionArn"] == started.execution == header.execution
    described = gateway.executions.client.describe_execution(executionArn=started.execution)
    assert json.loads(described["input"]) == {"run": RUN, "plan": name, "format": PLAN_FORMAT}
    items = {item["item"]: item for item in gateway.runs.items(RUN, "p")}
    page = next(item for item in items if item.startswith("page#")).rpartition("#")[2]
    assert json.loads(items[f"plan#{name}"]["waves"]) == [[page]]
    ((stage,),) = json.loads(items[f"page#{name}#{page}"]["chains"])
    assert stage["name"] == "train"
    assert stage["fingerprint"] == "f1"
    prepare, train = show(gateway, RUN).stages
    assert prepare.status == "REUSED"
    assert prepare.reused_from == "x"
    assert prepare.result == {"outputs": {"a": "s3://b/c"}}
    assert train.action == "run"
    assert train.wave == 0
    assert train.chain == 0
    assert train.position == 0


def test_same_event_starts_no_second_run(gateway, tools):
    first = start(gateway, plan_of(training()))
    again = start(gateway, plan_of(training()))
    assert again == replace(first, new=False)
    assert len(tools.executions(gateway)) == 1


def test_concurrent_starts_make_one_execution(gateway, tools):
    plans = [plan_of(replace(training(), reason=f"reason {n}")) for n in range(5)]
    with ThreadPoolExecutor(5) as pool:
        started = list(pool.map(lambda plan: start(gateway, plan), plans))
    assert len({each.run for each in started}) == 1
    assert [each.new for each in started].count(True) == 1
    assert len(tools.executions(gateway)) == 1
    (winner,) = [plan for plan, each in zip(plans, started, strict=True) if each.new]
    assert gateway.runs.header(RUN).plan == plan_items(winner)[0]
    assert show(gateway, RUN).stages[0].reason == winner.stages[0].reason


def test_crash_between_claim_and_start_loses_no_run(gateway, tools, monkeypatch):
    def crash(self, *arguments):
        raise TargetError("the function died")

    monkeypatch.setattr(Executions, "start", crash)
    with pytest.raises(TargetError):
        start(gateway, plan_of(training()))
    assert gateway.runs.header(RUN).status == "PLANNED"
    assert tools.executions(gateway) == []
    monkeypatch.undo()
    assert start(gateway, plan_of(training())).new is False
    assert gateway.runs.header(RUN).status == "RUNNING"
    assert len(tools.executions(gateway)) == 1


def test_crash_between_start_and_header_loses_no_run(waiting, tools):
    gateway = waiting
    plan = plan_of(training())
    pointer = json.dumps({"run": RUN, "plan": plan_items(plan)[0], "format": PLAN_FORMAT})
    start(gateway, plan)
    gateway.runs.transition(RUN, ["RUNNING"], {"status": "PLANNED"})
    assert ensure_started(gateway, RUN).execution == tools.executions(gateway)[0]["executionArn"]
    assert gateway.runs.header(RUN).status == "RUNNING"
    assert len(tools.executions(gateway)) == 1
    assert gateway.executions.start(RUN, pointer)[0] == tools.executions(gateway)[0]["executionArn"]


def test_other_key_with_the_same_run_id_is_an_error(gateway):
    start(gateway, plan_of(training()))
    with pytest.raises(TargetError, match="manual:2: another run has this id"):
        start(gateway, plan_of(training(), key="manual:2"))


def test_run_stopped_before_its_start_does_not_continue(waiting, tools):
    gateway = waiting
    start(gateway, plan_of(training()))
    header = replace(gateway.runs.header(RUN), status="PLANNED")
    gateway.runs.transition(RUN, ["RUNNING"], {"status": "STOPPED", "reason": "stopped by ada"})
    launch(gateway, header, PlanProof.of(gateway))
    described = gateway.executions.describe(tools.executions(gateway)[0]["executionArn"])
    assert described.status == "ABORTED"
    assert gateway.runs.header(RUN).status == "STOPPED"


def test_run_closed_before_the_running_header_stays_closed(gateway, tools):
    started = start(gateway, plan_of(training()))
    tools.until(lambda: gateway.executions.describe(started.execution).status == "SUCCEEDED")
    header = replace(gateway.runs.header(RUN), status="PLANNED")
    gateway.runs.transition(RUN, ["RUNNING"], {"status": "FAILED", "reason": "boom"})
    assert launch(gateway, header, PlanProof.of(gateway)) == started.execution
    assert gateway.executions.describe(started.execution).status == "SUCCEEDED"
    assert gateway.runs.header(RUN).status == "FAILED"
    assert gateway.runs.header(RUN).reason == "boom"


def test_rejected_run_is_listed_and_not_repeated(gateway, tools):
    trigger = Trigger("manual", "manual:9", TIME, "ada")
    first = record_rejected(gateway, "prices", trigger, "stages.prepare.inputs.sales: nothing at s3://b/raw/")
    assert record_rejected(gateway, "prices", trigger, "another reason") == replace(first, new=False)
    record = show(gateway, first.run)
    assert record.status == "REJECTED"
    assert record.stages == ()
    assert record.reason == "stages.prepare.inputs.sales: nothing at s3://b/raw/"
    assert record.ended
    assert find_run(gateway, "manual:9") == first.run
    assert [each.run for each in list_runs(gateway, "prices")] == [first.run]
    assert gateway.runs.open_runs(10) == ()
    assert tools.executions(gateway) == []


def test_large_plan_is_written_in_several_items(gateway):
    skipped = [StagePlan(f"s{n}", "gate", "skip", "off " * 100) for n in range(600)]
    plan = plan_of(*skipped, training())
    start(gateway, plan)
    assert len(list(gateway.runs.items(RUN, f"stages#{plan_items(plan)[0]}"))) > 1
    stages = show(gateway, RUN).stages
    assert [stage.name for stage in stages] == [stage.name for stage in plan.stages]
    assert {stage.status for stage in stages[:-1]} == {"SKIPPED"}


def test_item_above_dynamodbs_limit_is_rejected_before_the_claim(gateway, monkeypatch):
    monkeypatch.setattr(stored_plan, "ITEM_LIMIT", 100)
    with pytest.raises(PlanError, match="DynamoDB stores at most 100"):
        start(gateway, plan_of(training()))
    assert gateway.runs.claimed("manual:1") is None


def test_document_above_dynamodbs_limit_is_rejected(gateway):
    from stagewright.document.stored_layers import Base

    with pytest.raises(DocumentError, match="DynamoDB keeps at most 409,600"):
        gateway.documents.put_layer("prices", "base", Base("x" * 409_600, "", ""))
    assert gateway.documents.base("prices") is None


def forge(gateway, **fields):
    """A header and a whole plan with right checksums, as somebody who can write the table can put them."""
    name, items = plan_items(plan_of(training(requests={"CreateTrainingJob": {"image": "evil"}})))
    header = {"run": RUN, "item": "run", "pipeline": "prices", "status": "PLANNED", "plan": name}
    header |= {"created": TIME, "open": "yes", "trigger": json.dumps(plan_of().trigger.to_json())}
    for item in (*items, header | fields):
        gateway.runs.client.put_item(TableName=gateway.runs.table, Item=encode(item))


def test_plan_that_the_router_did_not_make_does_not_start(gateway, tools):
    forge(gateway)
    with pytest.raises(ReleaseError, match="was not made by the router"):
        ensure_started(gateway, RUN)
    assert tools.executions(gateway) == []


def test_sweep_rejects_a_run_with_a_forged_plan(gateway, tools):
    forge(gateway)
    sweep(gateway, patience=0)
    assert tools.executions(gateway) == []
    assert gateway.runs.header(RUN).status == "REJECTED"
    assert "was not made by the router" in gateway.runs.header(RUN).reason


def test_plan_of_another_run_does_not_start(gateway, tools):
    other = plan_of(training(), key="manual:2", run=RUN.replace("abcdef", "ghijkl"))
    start(gateway, other)
    forge(gateway, plan=plan_items(other)[0])
    with pytest.raises(ReleaseError, match="was not made by the router"):
        ensure_started(gateway, RUN)


def test_saved_plan_that_was_replaced_does_not_start(gateway, tools):
    header = starting.queued_header(gateway.installation, "prices", plan_of().trigger, RunOptions())
    plan = plan_of(training(), run=header.run)
    assert gateway.runs.claim(header)
    stored_plan.save_plan(gateway, plan)
    forged = plan_of(training(requests={"CreateTrainingJob": {"image": "evil"}}), run=header.run)
    name, items = plan_items(forged)
    gateway.runs.put_all(items)
    assert gateway.runs.transition(header.run, ["QUEUED"], {"plan": name})
    with pytest.raises(ReleaseError, match="was not made by the router"):
        starting.start_saved_plan(gateway, header)
    assert tools.executions(gateway) == []


@pytest.fixture
def versions(gateway):
    """The ARNs of two published versions of the state machine."""
    machine = gateway.installation.state_machine_arn
    publish = gateway.executions.client.publish_state_machine_version
    return [publish(stateMachineArn=machine)["stateMachineVersionArn"] for _ in range(2)]


@pytest.fixture
def started_with(gateway):
    """The `stateMachineArn` of each StartExecution."""
    arns = []
    events, name = gateway.executions.client.meta.events, "provide-client-params.stepfunctions.StartExecution"

    def note(params, **_):
        arns.append(params["stateMachineArn"])

    events.register(name, note)
    yield arns
    events.unregister(name, note)


def queued_with_saved_plan(gateway):
    header = starting.queued_header(gateway.installation, "prices", plan_of().trigger, RunOptions())
    assert gateway.runs.claim(header)
    stored_plan.save_plan(gateway, plan_of(training(), run=header.run))
    return gateway.runs.header(header.run)


def test_new_plan_starts_the_version_of_its_router(gateway, versions, started_with):
    start(replace(gateway, machine_version=versions[0]), plan_of(training()))
    assert started_with == [versions[0]]


@pytest.mark.parametrize("status", ["QUEUED", "PLANNED"])
def test_plan_of_an_old_router_starts_its_version_after_an_upgrade(gateway, versions, started_with, status):
    old, new = (replace(gateway, machine_version=version) for version in versions)
    header = queued_with_saved_plan(old)
    gateway.runs.transition(header.run, ["QUEUED"], {"status": status})
    act = starting.start_saved_plan(new, header) if status == "QUEUED" else ensure_started(new, header.run)
    assert started_with == [versions[0]]
    assert act.execution == gateway.executions.arn_of(header.run)


def test_plan_keeps_its_format_after_an_upgrade(gateway, versions, monkeypatch):
    header = queued_with_saved_plan(replace(gateway, machine_version=versions[0]))
    monkeypatch.setattr(stored_plan, "PLAN_FORMAT", PLAN_FORMAT + 1)
    started = starting.start_saved_plan(replace(gateway, machine_version=versions[1]), header)
    described = gateway.executions.client.describe_execution(executionArn=started.execution)
    assert json.loads(described["input"])["format"] == PLAN_FORMAT


def test_plan_of_a_deleted_version_is_rejected_with_the_remedy(gateway, versions):
    header = queued_with_saved_plan(replace(gateway, machine_version=versions[0]))
    gateway.executions.client.delete_state_machine_version(stateMachineVersionArn=versions[0])
    sweep(replace(gateway, machine_version=versions[1]), patience=0)
    gateway.runs.transition(header.run, ["QUEUED"], {"status": "PLANNED"})
    with pytest.raises(ReleaseError, match="was made for is gone") as failure:
        ensure_started(gateway, header.run)
    assert failure.value.remedy == f"stagewright resume {header.run}"
    sweep(gateway, patience=0)
    assert gateway.runs.header(header.run).status == "REJECTED"
