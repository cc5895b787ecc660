from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stagewright.api.tables import why
from stagewright.aws.executions import Execution
from stagewright.aws.jobs import Job
from stagewright.document.stored_layers import Base
from stagewright.errors import NotFoundError, RunFailedError, TargetError
from stagewright.naming import timestamp
from stagewright.parallel import THREADS
from stagewright.planner.model import Plan, StagePlan, Trigger
from stagewright.runs.closing import close, close_if_ended
from stagewright.runs.history import live_status, logs
from stagewright.runs.history.run_history import find_run, list_runs, show, with_lineage
from stagewright.runs.rejecting import record_rejected
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases.publish import publish
from stagewright.runs.releases.push import push
from stagewright.runs.starting import queued_header, start
from stagewright.runs.stop import stop
from stagewright.runs.values import RunOptions
from stagewright.store.items import encode

TIME = "2026-01-31T14:00:00.000Z"
RUN = "prices-20260131t140000-abcdef"
KINDS = {
    "prepare": "processing",
    "train": "training",
    "other": "processing",
    "quality": "gate",
    "report": "processing",
}
WAVES = ((("prepare", "train"), ("other",)), (("quality", "report"),))


@pytest.fixture
def run(waiting):
    """A running run: prepare -> train in parallel with other, then quality -> report."""
    stages = tuple(
        StagePlan(name, kind, "run", "no earlier result", f"f-{name}", job=f"{RUN}-{name}-1")
        for name, kind in KINDS.items()
    )
    trigger = Trigger("manual", "manual:1", TIME, "ada")
    start(waiting, Plan(RUN, "prices", "default", trigger, "rel", 1, stages, WAVES))
    return waiting


def record(gateway, stage, status="SUCCEEDED", **more):
    """Record a stage as the state machine does."""
    item = {
        "run": RUN,
        "item": f"stage#{stage}",
        "status": status,
        "started": "2026-01-31T14:00:01.000Z",
        "ended": "2026-01-31T14:00:03.500Z",
        "attempt": 1,
        "fingerprint": f"f-{stage}",
        "inputs": json.dumps({"image": "i"}),
    }
    if status == "SUCCEEDED":
        item["stage_key"] = f"prices#default#{stage}"
    gateway.runs.client.put_item(TableName=gateway.runs.table, Item=encode(item | more))


def job(name, started=True, **more):
    begun = datetime.now(UTC).timestamp() - 30
    return Job(
        f"{RUN}-{name}-1",
        "arn",
        "InProgress",
        "Training",
        begun,
        begun if started else None,
        None,
        "",
        **more,
    )


def statuses(gateway):
    return {stage.name: stage.status for stage in show(gateway, RUN).stages}


def test_first_stage_of_each_chain_of_the_first_wave_is_running(run, sagemaker):
    sagemaker.known[f"{RUN}-prepare-1"] = job("prepare")
    assert statuses(run) == {
        "prepare": "RUNNING",
        "train": "PLANNED",
        "other": "PLANNED",
        "quality": "PLANNED",
        "report": "PLANNED",
    }
    assert sorted(sagemaker.asked) == [f"{RUN}-other-1", f"{RUN}-prepare-1"]


def test_running_job_has_start_and_metrics(run, sagemaker):
    record(run, "prepare", result=json.dumps({"job": "j", "outputs": {"a": "s3://b/a"}, "seconds": 2.25}))
    sagemaker.known[f"{RUN}-train-1"] = job("train", metrics={"mae": 4.5})
    prepare, train, *_ = show(run, RUN).stages
    assert prepare.status == "SUCCEEDED"
    assert prepare.seconds == 2.25
    assert prepare.result["outputs"] == {"a": "s3://b/a"}
    assert train.status == "RUNNING"
    assert train.metrics == {"mae": 4.5}
    assert train.detail == "Training"
    assert 29 < train.seconds < 60
    assert train.started == timestamp(datetime.fromtimestamp(sagemaker.known[f"{RUN}-train-1"].started, UTC))


def test_gate_runs_after_the_previous_wave(run, sagemaker):
    for stage in ("prepare", "train", "other"):
        record(run, stage)
    quality = show(run, RUN).stage("quality")
    assert quality.status == "RUNNING"
    assert quality.started == run.runs.header(RUN).started
    assert statuses(run)["report"] == "PLANNED"
    assert sagemaker.asked == []


def test_record_with_an_unknown_stage_kind_is_shown(waiting, sagemaker):
    """Another version of Stagewright may have recorded the run."""
    stages = (
        StagePlan("prepare", "quantum", "run", "no earlier result", "f-prepare", job=f"{RUN}-prepare-1"),
    )
    trigger = Trigger("manual", "manual:1", TIME, "ada")
    start(waiting, Plan(RUN, "prices", "default", trigger, "rel", 1, stages, ((("prepare",),),)))
    assert show(waiting, RUN).stage("prepare").status == "RUNNING"
    with pytest.raises(NotFoundError, match="prepare has no log: it is a stage of kind quantum"):
        logs.origin(waiting, show(waiting, RUN), "prepare")
    stop(waiting, RUN, "ada")
    record(waiting, "prepare", "FAILED", error="E", cause="boom")
    assert show(waiting, RUN).stage("prepare").status == "FAILED"
    assert sagemaker.asked == []


def test_stages_behind_a_failed_stage_are_not_looked_up(run, sagemaker):
    record(run, "prepare", "FAILED", error="States.TaskFailed", cause="ClientError: boom")
    sagemaker.known[f"{RUN}-other-1"] = job("other")
    assert statuses(run)["train"] == "PLANNED"
    assert statuses(run)["other"] == "RUNNING"
    assert f"{RUN}-train-1" not in sagemaker.asked
    prepare = show(run, RUN).stages[0]
    assert prepare.error == "States.TaskFailed"
    assert prepare.cause == "ClientError: boom"
    assert prepare.seconds == 2.5


def execution(gateway, status, cause=""):
    now = datetime.now(UTC).timestamp()
    return Execution(gateway.runs.header(RUN).execution, status, now, now, "", cause)


@pytest.mark.parametrize(
    ("ended", "status", "left", "reason"),
    [
        ("SUCCEEDED", "SUCCEEDED", "NOT_RUN", ""),
        ("FAILED", "FAILED", "NOT_RUN", "prepare: boom"),
        ("TIMED_OUT", "FAILED", "STOPPED", "the run took longer than the state machine allows"),
        ("ABORTED", "STOPPED", "STOPPED", "prepare: boom"),
    ],
)
def test_run_ends_with_the_status_of_its_execution(run, ended, status, left, reason):
    record(run, "prepare")
    header = run.runs.header(RUN)
    assert close(run, header, execution(run, ended, "prepare: boom")) == status
    shown = show(run, RUN)
    assert shown.status == status
    assert shown.reason == reason
    assert shown.is_open is False
    assert shown.seconds is not None
    assert statuses(run) == {
        "prepare": "SUCCEEDED",
        "train": left,
        "other": left,
        "quality": left,
        "report": left,
    }
    assert run.runs.open_runs(10) == ()


def test_ended_run_does_not_change(run):
    header = run.runs.header(RUN)
    close(run, header, execution(run, "ABORTED", "stopped by ada"))
    assert close(run, header, execution(run, "SUCCEEDED")) is None
    assert close(run, run.runs.header(RUN), execution(run, "FAILED")) is None
    assert run.runs.header(RUN).status == "STOPPED"


def test_closed_run_records_no_more_stages(run):
    close(run, run.runs.header(RUN), execution(run, "SUCCEEDED"))
    assert close(run, run.runs.header(RUN), execution(run, "ABORTED")) is None
    assert run.runs.stages(RUN) == {}


def test_running_execution_closes_no_run(run):
    assert close(run, run.runs.header(RUN), execution(run, "RUNNING")) is None
    assert run.runs.header(RUN).status == "RUNNING"


def test_unrecorded_end_is_shown_after_the_grace_period(run, sagemaker, tools, monkeypatch):
    for stage in ("prepare", "train", "other"):
        record(run, stage)
    arn = run.runs.header(RUN).execution
    run.executions.stop(arn, "stopped by ada")
    tools.until(lambda: run.executions.describe(arn).status == "ABORTED")
    monkeypatch.setattr(live_status, "GRACE", 600.0)
    assert show(run, RUN).status == "RUNNING"
    monkeypatch.setattr(live_status, "GRACE", 0.0)
    shown = show(run, RUN)
    assert shown.status == "STOPPED"
    assert shown.reason == "stopped by ada"
    assert shown.is_open is False
    assert [stage.status for stage in shown.stages[3:]] == ["STOPPED", "STOPPED"]
    assert run.runs.header(RUN).status == "RUNNING"


def test_waiting_command_closes_the_run_after_an_unrecorded_end(run, tools):
    assert close_if_ended(run, RUN) is None
    arn = run.runs.header(RUN).execution
    run.executions.stop(arn, "stopped by ada")
    tools.until(lambda: run.executions.describe(arn).status == "ABORTED")
    assert close_if_ended(run, RUN) == "STOPPED"
    assert close_if_ended(run, RUN) is None
    assert show(run, RUN).status == "STOPPED"


def test_recorded_stage_is_not_overwritten(run):
    from stagewright.store.run_items import StageItem

    record(run, "train", result=json.dumps({"model": "s3://b/m"}))
    assert run.runs.put_stage_if_absent(RUN, StageItem("train", "STOPPED")) is False
    assert run.runs.stages(RUN)["train"].result == {"model": "s3://b/m"}


def test_stop_stops_the_execution_and_its_active_jobs(run, sagemaker, tools):
    sagemaker.known[f"{RUN}-other-1"] = job("other")
    stop(run, RUN, "ada")
    described = run.executions.describe(run.runs.header(RUN).execution)
    assert described.status == "ABORTED"
    assert sagemaker.stopped == [f"{RUN}-other-1"]


def test_stop_reaches_every_job_before_an_error_is_raised(waiting, sagemaker, monkeypatch):
    names = [f"stage-{number:02}" for number in range(3 * THREADS)]
    stages = tuple(
        StagePlan(name, "training", "run", "no earlier result", "f", job=f"{RUN}-{name}-1") for name in names
    )
    waves = (tuple((name,) for name in names),)
    start(waiting, Plan(RUN, "prices", "default", Trigger("manual", "k", TIME), "rel", 1, stages, waves))
    sagemaker.known = {f"{RUN}-{name}-1": job(name) for name in names}
    note = sagemaker.stop

    def refuse_the_first(kind, name):
        note(kind, name)
        if name == f"{RUN}-{names[0]}-1":
            raise TargetError(f"{name}: ThrottlingException")
        time.sleep(0.02)  # so that the rejection comes before the last stops

    monkeypatch.setattr(sagemaker, "stop", refuse_the_first)
    with pytest.raises(TargetError, match="stage-00-1: ThrottlingException"):
        stop(waiting, RUN, "ada")
    assert sorted(sagemaker.stopped) == sorted(sagemaker.known)


def test_stop_of_a_run_whose_execution_is_gone_stops_its_jobs_and_closes_it(run, sagemaker):
    """Step Functions deletes executions; a repaired state folder can miss them."""
    sagemaker.known = {f"{RUN}-{name}-1": job(name) for name in ("prepare", "other")}
    gone = f"{run.runs.header(RUN).execution}-gone"
    run.runs.transition(RUN, ["RUNNING"], {"execution": gone})
    stop(run, RUN, "ada")
    assert sorted(sagemaker.stopped) == [f"{RUN}-other-1", f"{RUN}-prepare-1"]
    shown = show(run, RUN)
    assert (shown.status, shown.reason) == ("STOPPED", "stopped by ada")
    with pytest.raises(RunFailedError, match="has ended already: STOPPED"):
        stop(run, RUN, "ada")


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_stop_reaches_the_jobs_if_the_execution_cannot_be_stopped(run, sagemaker, monkeypatch, code):
    sagemaker.known[f"{RUN}-other-1"] = job("other")

    def refuse(*_):
        raise TargetError(code)

    monkeypatch.setattr(type(run.executions), "stop", refuse)
    with pytest.raises(TargetError, match=code):
        stop(run, RUN, "ada")
    assert sagemaker.stopped == [f"{RUN}-other-1"]
    assert show(run, RUN).is_open


def test_run_stays_open_if_a_job_of_its_lost_execution_cannot_be_stopped(run, sagemaker, monkeypatch):
    sagemaker.known[f"{RUN}-other-1"] = job("other")
    run.runs.transition(RUN, ["RUNNING"], {"execution": f"{run.runs.header(RUN).execution}-gone"})

    def refuse(*_):
        raise TargetError("ThrottlingException")

    with monkeypatch.context() as patch:
        patch.setattr(sagemaker, "stop", refuse)
        with pytest.raises(TargetError, match="ThrottlingException"):
            stop(run, RUN, "ada")
    stop(run, RUN, "ada")
    assert sagemaker.stopped == [f"{RUN}-other-1"]
    assert show(run, RUN).status == "STOPPED"


def test_ended_run_cannot_be_stopped(run):
    close(run, run.runs.header(RUN), execution(run, "SUCCEEDED"))
    with pytest.raises(RunFailedError, match="has ended already: SUCCEEDED"):
        stop(run, RUN, "ada")


def test_planned_run_is_stopped_at_once(run):
    run.runs.transition(RUN, ["RUNNING"], {"status": "PLANNED"})
    stop(run, RUN, "ada")
    shown = show(run, RUN)
    assert shown.status == "STOPPED"
    assert shown.reason == "stopped by ada"


def test_unknown_run_and_stage_are_rejected(gateway, run):
    with pytest.raises(NotFoundError, match="no run nothing") as caught:
        show(gateway, "nothing")
    assert "stagewright runs" in caught.value.remedy
    with pytest.raises(NotFoundError, match="has no stage trian"):
        show(run, RUN).stage("trian")


def test_rejected_run_of_an_unknown_pipeline_is_listed(gateway):
    begin = datetime.now(UTC) - timedelta(days=1)
    gateway.objects.put("manifests/known.json", b"{}")
    triggers = {
        name: Trigger("manual", f"manual:{name}", timestamp(begin)) for name in ("known", "nobody", "gone")
    }
    first = record_rejected(gateway, "nobody", triggers["nobody"], "nobody has no document").run
    second = record_rejected(gateway, "known", triggers["known"], "no").run
    waits = queued_header(gateway.installation, "gone", triggers["gone"], RunOptions())
    assert gateway.runs.claim(waits)
    assert gateway.runs.transition(
        waits.run, ["QUEUED"], {"status": "REJECTED", "reason": "gone has no document"}
    )
    listed = {record.run: record.reason for record in list_runs(gateway)}
    assert listed == {first: "nobody has no document", second: "no", waits.run: "gone has no document"}
    assert len(list_runs(gateway)) == 3
    assert [record.run for record in list_runs(gateway, limit=1)] == [waits.run]
    assert [record.run for record in list_runs(gateway, "known")] == [second]
    assert gateway.runs.open_runs(10) == ()


def test_runs_of_all_pipelines_are_listed_newest_first(gateway):
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for number, pipeline in enumerate(["a", "b", "a", "c"]):
        if pipeline == "c":  # has a document, but was never released
            gateway.documents.put_layer(pipeline, "base", Base("{}", "sha", timestamp(begin)))
        else:
            gateway.objects.put(f"manifests/{pipeline}.json", b"{}")
        trigger = Trigger("manual", f"manual:{number}", timestamp(begin))
        from stagewright.store.run_items import Header

        created = timestamp(begin + timedelta(minutes=number))
        assert gateway.runs.claim(Header(f"{pipeline}-{number}", pipeline, "PLANNED", trigger, created))
    assert [record.run for record in list_runs(gateway)] == ["c-3", "a-2", "b-1", "a-0"]
    assert [record.run for record in list_runs(gateway, limit=2)] == ["c-3", "a-2"]
    assert [record.run for record in list_runs(gateway, "a")] == ["a-2", "a-0"]
    assert find_run(gateway, "manual:2") == "a-2"
    assert find_run(gateway, "manual:9") is None


def test_metric_without_a_match_is_listed(run):
    inputs = {
        f"request.CreateTrainingJob.AlgorithmSpecification.MetricDefinitions.{name}.Regex": name
        for name in ("mae", "rmse")
    }
    result = {"metrics": {"mae": 3.0}}
    record(run, "train", inputs=json.dumps(inputs), result=json.dumps(result))
    record(run, "prepare", result=json.dumps({}))
    unseen = {
        stage.name: stage.unmatched_metrics for stage in show(run, RUN).stages if stage.unmatched_metrics
    }
    assert unseen == {"train": ("rmse",)}


def test_stage_that_did_not_run_names_the_failed_stage(run):
    record(run, "prepare", "FAILED", cause="boom")
    record(run, "other")
    close(run, run.runs.header(RUN), execution(run, "FAILED", "prepare: boom"))
    causes = {stage.name: stage.cause for stage in show(run, RUN).stages}
    assert causes["prepare"] == "boom"
    assert causes["train"] == causes["report"] == "not run: prepare failed"
    (train,) = (stage for stage in show(run, RUN).stages if stage.name == "train")
    assert why(train) == "prepare failed"


def test_lineage_names_the_origin_of_the_release(run, pipeline, files):
    origin = {"from": "dev", "installation": "stagewright-dev", "by": "ada", "run": "prices-1"}
    pushed = push(run, pipeline, files, commit="abc", by="bob", promoted=origin)
    publish(run, manifests.read(run, "prices"))
    shown = show(run, RUN)
    assert with_lineage(run, shown).lineage == {}
    known = with_lineage(run, replace(shown, release=pushed.release)).lineage
    assert known["commit"] == "abc"
    assert known["by"] == "bob"
    assert known["promoted"] == origin
