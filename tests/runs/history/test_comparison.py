from __future__ import annotations

import json

import pytest

from stagewright.document.canonical_json import document_json
from stagewright.document.layers import Effective, Layers, stored_layer
from stagewright.document.load import load
from stagewright.document.merge import ABSENT, Change
from stagewright.errors import DocumentError, NotFoundError
from stagewright.planner.model import Plan, StagePlan, Trigger
from stagewright.runs.documents.revisions import record as record_revision
from stagewright.runs.history.comparison import compare, good_before
from stagewright.runs.rejecting import record_rejected
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases.publish import publish, record_key
from stagewright.runs.releases.push import push
from stagewright.runs.starting import start
from stagewright.store.items import encode

TIME = "2026-01-31T14:00:00.000Z"
OLD = "prices-20260131t140000-000001"
NEW = "prices-20260131t140000-000002"


def trigger(run, **more):
    return Trigger("manual", f"manual:{run}", TIME, "ada", **more)


def ran(name, **inputs):
    """Return a stage that runs. Its fingerprint is a hash of its inputs."""
    kind = "training" if name == "train" else "processing"
    made = {path.replace("__", "."): value for path, value in inputs.items()}
    return StagePlan(name, kind, "run", "no earlier result", f"f-{made}", made, job=f"j-{name}")


def reused(name, run, stage, metrics):
    result = {"metrics": metrics}
    kept = {"fingerprint": stage.fingerprint, "inputs": stage.inputs}
    return StagePlan(name, stage.kind, "reuse", f"same as run {run}", **kept, result=result, reused_from=run)


def begin(gateway, run, stages, release="", revision=0, partition="default", **more):
    chain = tuple(stage.name for stage in stages if stage.action == "run")
    waves = ((chain,),) if chain else ()
    plan = Plan(run, "prices", partition, trigger(run, **more), release, revision, tuple(stages), waves)
    start(gateway, plan)
    return plan


def end(gateway, plan, results, status="SUCCEEDED"):
    """Record a run as the state machine and the recorder do. Stage n of `results` took n seconds."""
    for seconds, (name, result) in enumerate(results.items(), start=1):
        stage = plan.stage(name)
        item = {
            "run": plan.run,
            "item": f"stage#{name}",
            "status": "SUCCEEDED",
            "started": "2026-01-31T14:00:01.000Z",
            "ended": f"2026-01-31T14:00:0{1 + seconds}.000Z",
            "attempt": 1,
            "fingerprint": stage.fingerprint,
            "inputs": json.dumps(stage.inputs),
            "result": json.dumps(result),
        }
        gateway.runs.client.put_item(TableName=gateway.runs.table, Item=encode(item))
    assert gateway.runs.transition(plan.run, ["RUNNING"], {"status": status, "ended": TIME})


def released(gateway, pipeline, files, commit):
    push(gateway, pipeline, files, commit=commit)
    return publish(gateway, manifests.read(gateway, pipeline.name)).digest


def revision(gateway, document):
    pipeline = load(document)
    return record_revision(
        gateway, Effective(pipeline, Layers("prices", stored_layer(document_json(pipeline))))
    )


def changed(found):
    return {each.path: (each.before, each.after) for each in found}


PREPARE = ran("prepare", code__prepare="1")


@pytest.fixture
def two(gateway, pipeline, files, tools):
    """OLD ran both stages. NEW reuses prepare and has another train.py, parameter and hyperparameter."""
    old = begin(
        gateway,
        OLD,
        [PREPARE, ran("train", code__train="1", hyperparameters__limit="3", upstream__prepare="a")],
        released(gateway, pipeline, files, "abc"),
        revision(gateway, tools.document),
        date="2026-01",
    )
    end(gateway, old, {"prepare": {}, "train": {"metrics": {"mae": 4.5, "r2": 0.912}}})
    other = files | {"train.py": b"print('better')\n", "lib/new.py": b""}
    del other["lib/shared.py"]
    stages = tools.document["stages"]
    train = stages["train"] | {"hyperparameters": {"limit": "${parameters.limit}", "depth": 2}}
    new = begin(
        gateway,
        NEW,
        [
            reused("prepare", OLD, PREPARE, {}),
            ran("train", code__train="2", hyperparameters__limit="5", upstream__prepare="a"),
        ],
        released(gateway, pipeline, other, "def"),
        revision(gateway, tools.document | {"stages": stages | {"train": train}}),
        parameters={"limit": 5},
        only=("train",),
        date="2026-02",
    )
    end(gateway, new, {"train": {"metrics": {"r2": 0.917, "rmse": 7.0}}})
    return gateway


def test_comparison_lists_changed_inputs_and_metrics(two):
    found = compare(two, "prices", OLD, NEW)
    facts = changed(found.facts)
    assert facts.pop(("release",)) == (found.before.release, found.after.release)
    assert facts == {
        ("date",): ("2026-01", "2026-02"),
        ("revision",): (1, 2),
        ("commit",): ("abc", "def"),
        ("only",): (ABSENT, ["train"]),
    }
    assert changed(found.settings) == {
        ("parameters", "limit"): (3, 5),
        ("stages", "train", "hyperparameters", "depth"): (ABSENT, 2),
    }
    code = changed(found.code)
    assert list(code) == [("lib/shared.py",), ("train.py",), ("lib/new.py",)]
    assert code["lib/new.py",][0] is code["lib/shared.py",][1] is ABSENT
    assert found.missing == ()
    prepare, train = found.stages
    assert prepare.before.status == "SUCCEEDED"
    assert prepare.after.status == "REUSED"
    assert prepare.inputs == ()
    assert prepare.why == ()
    assert prepare.metrics == ()
    assert train.why == ("code train changed", "hyperparameters.limit 3 -> 5")
    assert changed(train.inputs) == {("code.train",): ("1", "2"), ("hyperparameters.limit",): ("3", "5")}
    assert train.before.seconds == 2.0
    assert train.after.seconds == 1.0
    mae, r2, rmse = train.metrics
    assert mae.name == "mae"
    assert mae.before == 4.5
    assert mae.after is None
    assert mae.difference is None
    assert r2.before == 0.912
    assert r2.after == 0.917
    assert round(r2.difference, 9) == 0.005
    assert rmse.before is None
    assert rmse.after == 7.0
    assert rmse.difference is None


def test_swapped_runs_give_swapped_differences(two):
    there, back = compare(two, "prices", OLD, NEW), compare(two, "prices", NEW, OLD)
    for part in ("facts", "settings", "code"):
        assert changed(getattr(back, part)) == {
            path: (after, before) for path, (before, after) in changed(getattr(there, part)).items()
        }
    same = compare(two, "prices", NEW, NEW)
    assert same.facts == ()
    assert same.settings == ()
    assert same.code == ()
    assert same.missing == ()
    assert not any(stage.inputs or stage.tuned for stage in same.stages)


def test_reused_result_is_compared_by_the_inputs_of_its_run(two):
    """A third run reuses train of NEW; OLD ran its own."""
    new = compare(two, "prices", NEW, NEW).after
    train = ran("train", code__train="2", hyperparameters__limit="5", upstream__prepare="a")
    third = "prices-20260131t140000-000003"
    plan = begin(
        two,
        third,
        [reused("prepare", OLD, PREPARE, {}), reused("train", NEW, train, new.stage("train").metrics)],
        new.release,
        new.revision,
    )
    end(two, plan, {})
    found = compare(two, "prices", OLD, third).stages[1]
    assert found.after.reused_from == NEW
    assert found.why == ("code train changed", "hyperparameters.limit 3 -> 5")
    assert [(each.name, each.after) for each in found.metrics][1] == ("r2", 0.917)
    two.runs.client.delete_item(TableName=two.runs.table, Key=encode({"run": NEW, "item": "stage#train"}))
    gone = compare(two, "prices", OLD, third)
    assert gone.stages[1].inputs == ()
    assert gone.missing == ("the inputs of train are not stored for both runs: they are not compared",)


def test_best_hyperparameters_are_compared(gateway):
    for run, depth in ((OLD, "3"), (NEW, "5")):
        found = {"hyperparameters": {"depth": depth, "_tuning_objective_metric": run}, "tuned": ["depth"]}
        end(gateway, begin(gateway, run, [PREPARE]), {"prepare": found})
    (stage,) = compare(gateway, "prices", OLD, NEW).stages
    assert stage.tuned == (Change(("depth",), "3", "5"),)


def test_stage_of_only_one_run_is_listed(gateway):
    end(gateway, begin(gateway, OLD, [PREPARE]), {"prepare": {"metrics": {"rows": 3}}})
    end(gateway, begin(gateway, NEW, [ran("train", code__t="1")]), {"train": {"metrics": {"r2": 0.5}}})
    prepare, train = compare(gateway, "prices", OLD, NEW).stages
    assert prepare.name == "prepare"
    assert prepare.after is None
    assert prepare.metrics[0].after is None
    assert train.name == "train"
    assert train.before is None
    assert train.metrics[0].after == 0.5
    assert prepare.inputs == train.inputs == ()


def test_inputs_that_are_not_stored_are_named(two):
    record = compare(two, "prices", OLD, NEW).after
    two.objects.delete(record_key("prices", record.release))
    found = compare(two, "prices", OLD, NEW)
    assert found.missing == (f"{NEW} has no stored release: code files are not compared",)
    assert found.code == ()
    assert len(found.settings) == 2
    assert len(found.stages) == 2
    for item in two.runs.items(NEW, "stages#"):
        two.runs.client.delete_item(TableName=two.runs.table, Key=encode({"run": NEW, "item": item["item"]}))
    compare(two, "prices", OLD, OLD)  # a plan is kept in memory, once read
    found = compare(two, "prices", OLD, NEW)
    assert found.missing[0] == f"{NEW} has no stored plan: stages are not compared"
    assert len(found.settings) == 2
    assert found.stages == ()


def test_rejected_run_has_no_stages_to_compare(two):
    refused = record_rejected(two, "prices", trigger("x", date="2026-03"), "no data").run
    two.runs.transition(refused, ["REJECTED"], {"status": "REJECTED", "revision": 2})
    found = compare(two, "prices", NEW, refused)
    assert found.missing == (
        f"{refused} was rejected: stages are not compared",
        f"{refused} has no stored release: code files are not compared",
    )
    assert ("parameters", "limit") in changed(found.settings)
    assert changed(found.facts)["date",] == ("2026-02", "2026-03")
    assert good_before(two, "prices", refused) == NEW


def test_previous_successful_run_has_the_same_partition(gateway):
    def run(number, partition="default", status="SUCCEEDED"):
        name = f"prices-20260131t140000-00000{number}"
        end(gateway, begin(gateway, name, [PREPARE], partition=partition), {}, status)
        return name

    first, north, failed, second = run(1), run(2, "north"), run(3, status="FAILED"), run(4)
    assert good_before(gateway, "prices", second) == first
    assert good_before(gateway, "prices", failed) == first
    with pytest.raises(NotFoundError, match=f"no successful run before {north} in partition north"):
        good_before(gateway, "prices", north)
    with pytest.raises(NotFoundError, match=f"(?m)prices has no successful run before {first}$"):
        good_before(gateway, "prices", first)


def test_runs_of_two_pipelines_are_rejected(two):
    other = record_rejected(two, "rents", trigger("y"), "no data").run
    for runs in ((OLD, other), (other, NEW)):
        with pytest.raises(DocumentError, match=f"{other}: is a run of rents, not of prices"):
            compare(two, "prices", *runs)
    with pytest.raises(NotFoundError, match="no run nothing"):
        compare(two, "prices", OLD, "nothing")
