"""Plans of stages that run for the items of a list."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stagewright.document.expansion import expanded
from stagewright.document.load import load
from stagewright.errors import PlanError
from stagewright.naming import job_name, tuning_job_name
from stagewright.planner import history_limits, pages
from stagewright.planner.external_inputs import external_inputs
from stagewright.planner.lanes import in_lanes
from stagewright.planner.model import Gathered
from stagewright.planner.planner import plan
from stagewright.planner.quotas import peaks

RUN = "s3://bucket/runs/prices/{}/"


def document(items=("eu", "us"), failures=0, concurrency=None, most=20, **more):
    own = {"for_each": "regions"}
    stages = {
        "prepare": {**own, "kind": "processing", "code": "prepare.py", "arguments": ["${each.name}"],
                    "outputs": ["clean", "rest"]},
        "train": {**own, "kind": "training", "entry_point": "train.py",
                  "channels": {"clean": "${stages.prepare.outputs.clean}"}, "metrics": {"r2": "r2=(.+)"}},
        "good": {**own, "kind": "gate", "require": "${stages.train.metrics.r2} > 0", "else": "skip"},
        "register": {**own, "kind": "register", "model": "${stages.train.model}", "after": ["good"]},
        "summary": {"kind": "processing", "code": "evaluate.py",
                    "inputs": {"all": "${stages.prepare.all.outputs.clean}",
                               "models": "${stages.train.all.model}"}},
        **more,
    }  # fmt: skip
    declared = {"items": list(items), "max_failures": failures, "max_concurrency": concurrency}
    return expanded(
        load({
            "name": "prices", "max_concurrency": most,
            "defaults": {"image": "sklearn-1.4", "instance_type": "ml.m5.large"},
            "lists": {"regions": declared}, "stages": stages,
        })
    )  # fmt: skip


def planned(house, pipeline, trigger=None, results=None):
    trigger = trigger or house.trigger()
    recorded = house.recorded(results or {})
    uris = external_inputs(pipeline, trigger, recorded.installation)
    return plan(pipeline, trigger, replace(recorded, external=dict.fromkeys(uris, "d")))


def actions(made):
    return {stage.name: stage.action for stage in made.stages}


def test_instances_have_jobs_outputs_and_chains_of_their_own(house):
    made = planned(house, document())
    eu = ("prepare/eu", "train/eu", "good/eu", "register/eu")
    us = ("prepare/us", "train/us", "good/us", "register/us")
    # The summary depends on prepare and train, so the chains are cut after train.
    assert made.waves == ((eu[:2], us[:2]), (eu[2:], us[2:], ("summary",)))
    assert made.stage("train/eu").job == f"{made.run}-train--eu-1"
    assert made.stage("prepare/eu").outputs == {
        "clean": RUN.format(made.run) + "prepare/clean/eu", "rest": RUN.format(made.run) + "prepare/rest/eu",
    }  # fmt: skip
    register = made.stage("register/us").requests["CreateModelPackage"]
    assert register["ModelPackageGroupName"] == "prices-us"


def test_gathering_stage_reads_one_folder_with_all_instances(house):
    made = planned(house, document())
    inputs = {
        item["InputName"]: item["S3Input"]["S3Uri"]
        for item in made.stage("summary").requests["CreateProcessingJob"]["ProcessingInputs"]
    }
    assert inputs["all"] == RUN.format(made.run) + "prepare/clean/"
    assert inputs["models"] == RUN.format(made.run) + "train/"
    model = made.stage("train/eu").requests["CreateTrainingJob"]["OutputDataConfig"]["S3OutputPath"]
    assert model == f"{inputs['models']}eu"


def test_only_what_failed_runs_again_and_reused_outputs_are_copied(house):
    pipeline = document()
    first = planned(house, pipeline)
    results = {name: good for name, good in house.results_of(first).items() if not name.startswith("summary")}
    models = {
        item: f"{RUN.format(first.run)}train/{item}/{first.run}-x/output/model.tar.gz"
        for item in ("eu", "us")
    }
    for item, uri in models.items():
        (good,) = results[f"train/{item}"]
        results[f"train/{item}"] = (replace(good, result={**good.result, "model": uri}),)
    del results["train/us"], results["good/us"], results["register/us"]
    again = planned(house, pipeline, house.trigger(key="code:prices:2"), results)
    running = [name for name, action in actions(again).items() if action == "run"]
    assert sorted(running) == ["good/us", "register/us", "summary", "train/us"]
    here, there = RUN.format(again.run), RUN.format(first.run)
    assert again.stage("summary").copies == {
        f"{there}prepare/clean/eu": f"{here}prepare/clean/eu",
        f"{there}prepare/clean/us": f"{here}prepare/clean/us",
        models["eu"]: f"{here}train/eu/{first.run}-x/output/model.tar.gz",
    }


def test_new_item_runs_alone_wherever_it_is_in_the_list(house):
    first = planned(house, document(("eu", "us")))
    made = planned(house, document(("apac", "us", "eu")), house.trigger("x"), house.results_of(first))
    running = {name for name, action in actions(made).items() if action == "run"}
    assert running == {"prepare/apac", "train/apac", "good/apac", "register/apac", "summary"}


def test_failures_of_instances_close_only_what_depends_on_them(house):
    made = planned(house, document(failures=1))
    assert set(made.stage("register/eu").gates) == {"good/eu", "prepare/eu", "train/eu"}
    summary = made.stage("summary")
    assert summary.gates == ()
    (gathered,) = summary.gathers
    assert gathered == Gathered(("prepare", "train"), (), 1, 2)
    assert all(stage.of_list == "regions" for stage in made.stages if "/" in stage.name)


def test_stage_behind_the_gates_of_a_list_knows_them(house):
    after = {"kind": "processing", "code": "evaluate.py", "after": ["register"]}
    last = {"kind": "processing", "code": "evaluate.py", "after": ["after"]}
    made = planned(house, document(after=after, last=last))
    (gathered,) = made.stage("after").gathers
    assert (set(gathered.stages), gathered.skips) == ({"prepare", "train", "register"}, ("good",))
    assert made.stage("last").gathers == (gathered,)


@pytest.mark.parametrize(
    ("selection", "running"),
    [
        ({"only": ("train/eu",)}, {"train/eu"}),
        ({"only": ("train",)}, {"train/eu", "train/us"}),
        ({"skip": ("summary", "register/us")}, {"train/eu", "good/eu", "train/us", "good/us", "register/eu"}),
    ],
)
def test_selection_names_a_stage_or_an_instance(house, selection, running):
    pipeline = document()
    results = {n: r for n, r in house.results_of(planned(house, pipeline)).items() if n.startswith("prepare")}
    trigger = replace(house.trigger("y"), **selection)
    made = planned(house, pipeline, trigger, results)
    assert {name for name, action in actions(made).items() if action == "run"} == running
    assert made.trigger == trigger


def test_unknown_item_is_refused(house):
    with pytest.raises(PlanError, match="no such stage: train/uk"):
        planned(house, document(), replace(house.trigger(), only=("train/uk",)))


def test_limits_hold_for_lists_and_for_plain_wide_waves(house):
    items = [f"r{number}" for number in range(30)]
    listed = planned(house, document(items, concurrency=3))
    assert [len(wave) for wave in listed.waves] == [3, 4]  # with the summary
    assert peaks(listed)["ml.m5.large for training job usage"] == 3
    wide = {f"s{number}": {"kind": "processing", "code": "prepare.py"} for number in range(90)}
    plain = load({"name": "wide", "max_concurrency": 7, "stages": wide,
                  "defaults": {"image": "sklearn-1.4", "instance_type": "ml.m5.large"}})  # fmt: skip
    made = planned(house, plain)
    assert [len(wave) for wave in made.waves] == [7]
    assert peaks(made) == {"ml.m5.large for processing job usage": 7}
    assert sorted(name for lane in made.waves[0] for name in lane) == sorted(wide)
    assert {made.stage(name).part for name in made.waves[0][0]} == set(range(1, 14))


def test_installation_has_a_limit_of_its_own(house):
    trigger = house.trigger()
    for own, document_limit, expected in ((3, 20, 3), (50, 4, 4), (0, 6, 6)):
        pipeline = document([f"r{number}" for number in range(9)], most=document_limit)
        recorded = house.recorded()
        recorded = replace(recorded, jobs=replace(recorded.jobs, max_concurrency=own))
        assert len(plan(pipeline, trigger, recorded).waves[0]) == expected


def test_instance_waits_for_the_approval_of_its_own_version(house):
    deploy = {"kind": "endpoint", "for_each": "regions", "model": "${stages.register.package}"}
    made = planned(house, document(deploy=deploy))
    assert made.stage("deploy/us").awaits == "register/us"
    assert made.stage("deploy/us").reason == (
        "waits for approval (stagewright approve prices register/us --why TEXT)"
    )


def test_warning_about_a_list_is_given_once(house):
    items = [f"r{number}" for number in range(9)]
    secret = {"kind": "processing", "for_each": "regions", "code": "prepare.py",
              "arguments": ["${each.name}"], "environment": {"DB_PASSWORD": "hunter2-hunter2"}}  # fmt: skip
    made = planned(house, document(items, secret=secret))
    assert [warning for warning in made.warnings if "DB_PASSWORD" in warning] == [made.warnings[0]]
    off = planned(house, document(items, extra={**secret, "environment": {}, "enabled": False}))
    assert off.stage("extra/r1").action == "skip"


def test_lane_that_exceeds_a_page_continues_in_another_wave():
    wave = tuple((f"s{number}",) for number in range(10))
    weights = dict.fromkeys((name for (name,) in wave), 40)
    lanes = list(in_lanes(wave, {}, {}, 2, weights, 100))
    assert [[len(lane) for lane in group] for group in lanes] == [[2, 2], [2, 2], [1, 1]]
    assert sorted(part for group in lanes for lane in group for part in lane) == sorted(wave)


def test_1000_items_are_within_all_limits(house):
    items = [f"item-{number:04}-with-a-long-name" for number in range(1_000)]
    many = load({
        "name": "many", "defaults": {"image": "sklearn-1.4", "instance_type": "ml.m5.large"},
        "lists": {"l": {"items": items, "max_failures": 5}},
        "stages": {
            "train": {"kind": "training", "for_each": "l", "entry_point": "train.py",
                      "hyperparameters": {"item": "${each.name}"}},
            "best": {"kind": "processing", "code": "evaluate.py",
                     "inputs": {"m": "${stages.train.all.model}"}},
        },
    })  # fmt: skip
    made = planned(house, expanded(many))
    assert history_limits.minimum(made) < 16_000
    assert all(len(page.chains_json.encode()) <= pages.LIMIT for wave in pages.pages(made) for page in wave)
    assert len(pages.stage_json("many", "default", made.stage("best"))) < 6_000
    assert len(made.stage("best").inputs) < 40


def test_job_names_are_short_unique_and_valid():
    run = "a-pipeline-with-quite-a-long-name-20260131t140000-0a1b2c"
    stages = [f"evaluate-the-model/{'x' * 30}{n}" for n in range(3)] + ["train/eu-west", "train-eu/west"]
    for name in (job_name, tuning_job_name):
        names = [name(run, stage, 10) for stage in stages]
        assert len(set(names)) == len(stages)
        assert max(map(len, names)) <= 63
        assert all(part.replace("-", "").isalnum() for part in names)
