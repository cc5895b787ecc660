from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagewright.catalog.request_contract import TOKEN, check
from stagewright.document.load import load
from stagewright.errors import PlanError
from stagewright.naming import Installation, run_id
from stagewright.planner.external_inputs import external_inputs
from stagewright.planner.model import PLAN_FORMAT, Binding, Recorded, Trigger
from stagewright.planner.planner import plan
from stagewright.planner.release import CodeFile, Release
from stagewright.stages.registry import KINDS


@pytest.fixture
def first(house):
    return plan(house.changed(), house.trigger(), house.recorded())


def later(house, document=None, results=None, **options):
    """A plan of the next day's event, in the first day's partition."""
    document = document or house.changed()
    document = document.model_copy(update={"partition": "2026-01-31"})
    recorded = house.recorded(results, options.pop("code", None), options.pop("external", None))
    return plan(
        document, house.trigger("code:house-price:2", "2026-02-01T14:00:00.000Z"), recorded, **options
    )


def actions(made):
    return {stage.name: stage.action for stage in made.stages}


def reasons(made):
    return {stage.name: stage.reason for stage in made.stages}


def problems(call):
    with pytest.raises(PlanError) as caught:
        call()
    return [str(problem) for problem in caught.value.problems]


# The first run


def test_linear_pipeline_runs_in_one_chain(first):
    assert set(actions(first).values()) == {"run"}
    assert set(reasons(first).values()) == {"no earlier result"}
    assert first.waves == ((("prepare", "train", "evaluate", "quality", "register", "deploy"),),)
    assert first.partition == "2026-01-31"


def test_every_request_satisfies_the_contract(first):
    made = [
        (operation, request)
        for stage in first.stages
        for operation, request in stage.requests.items()
        if operation not in KINDS[stage.kind].request.machine_inputs
    ]
    assert len(made) == 9
    assert [problem for operation, request in made for problem in check(operation, request)] == []


def test_run_time_values_are_tokens(first):
    for stage in first.stages:
        tokens = set(TOKEN.findall(json.dumps(stage.requests)))
        assert tokens == {binding.token for binding in stage.bindings}
    assert first.stage("evaluate").bindings == (Binding("<<train.model>>", ("train", "model")),)
    assert first.stage("quality").bindings == (
        Binding("<<evaluate.metrics.r2>>", ("evaluate", "metrics", "r2")),
    )
    assert first.stage("deploy").bindings == (Binding("<<register.package>>", ("register", "package")),)


def test_planning_is_deterministic(house, first):
    again = plan(house.changed(), house.trigger(), house.recorded())
    assert again == first


def test_plan_is_json(first):
    plan_json = json.loads(json.dumps(first.to_json()))
    assert (plan_json["run"], plan_json["format"]) == (first.run, PLAN_FORMAT)
    assert [stage["requests"] for stage in plan_json["stages"]] == [stage.requests for stage in first.stages]


MSE = {"mse": "regression_metrics.mse.value"}


def test_named_metrics_have_their_paths_in_the_plan(house):
    planned = later(house, house.changed("stages.evaluate.metrics", {**MSE, "r2": "scores[0]"}))
    assert planned.stage("evaluate").metrics["values"] == [
        {"name": "mse", "path": MSE["mse"], "steps": ["regression_metrics", "mse", "value"]},
        {"name": "r2", "path": "scores[0]", "steps": ["scores", 0]},
    ]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("metrics", {"r2": "scores.r2"}, "evaluate: metrics.r2 is new (scores.r2)"),
        ("metrics_file", "report/b.json", "evaluate: metrics_file report/metrics.json -> report/b.json"),
    ],
)
def test_stage_runs_again_if_its_metrics_are_read_elsewhere(house, first, field, value, reason):
    document = house.changed(f"stages.evaluate.{field}", value)
    stage = later(house, document, house.results_of(first)).stage("evaluate")
    assert (stage.action, stage.reason) == ("run", reason)


def test_outputs_and_metrics_have_locations(first):
    run = first.run
    assert first.stage("evaluate").metrics == {
        "bucket": "bucket",
        "key": f"runs/house-price/{run}/evaluate/report/metrics.json",
    }
    assert first.stage("prepare").outputs["test"] == f"s3://bucket/runs/house-price/{run}/prepare/test"
    model = f"s3://bucket/runs/house-price/{run}/train/{run}-train-1/output/model.tar.gz"
    assert first.stage("train").outputs == {"model": model}


def test_stage_timeouts(house):
    stages = plan(
        house.changed(
            "stages.train.request",
            {"EnableManagedSpotTraining": True, "StoppingCondition": {"MaxWaitTimeInSeconds": 9000}},
        ),
        house.trigger(),
        house.recorded(),
    )
    assert {stage.name: stage.timeout for stage in stages.stages} == {
        "prepare": 4200,
        "train": 9600,
        "evaluate": 4200,
        "quality": 60,
        "register": 900,
        "deploy": 1800,
    }


def test_bundle_has_script_and_included_files(first):
    assert first.stage("prepare").bundle == ("lib/clean.py", "prepare.py")
    assert first.stage("train").bundle == ("requirements.txt", "train.py")
    assert first.stage("evaluate").bundle == ("evaluate.py",)
    assert first.stage("quality").bundle == first.stage("deploy").bundle == ()


# The next run


def test_unchanged_run_reuses_every_stage(house, first):
    again = later(house, results=house.results_of(first))
    assert set(actions(again).values()) == {"reuse"}
    assert set(reasons(again).values()) == {f"same as run {first.run}"}
    assert again.waves == ()
    assert again.stage("train").result == house.result_of(first, "train")
    assert again.stage("train").reused_from == first.run


TREES = "hyperparameters.n-estimators 300 -> 500"
CHANGES = {
    "a hyperparameter": (
        {"document": ("stages.train.hyperparameters.n-estimators", 500)},
        {"prepare": "", "train": TREES, "evaluate": "train runs again", "quality": "evaluate runs again"},
    ),
    "a script": (
        {"code": {"evaluate_py": "new"}},
        {"train": "", "evaluate": "code evaluate.py changed", "quality": "evaluate runs again"},
    ),
    "a file that a stage includes": (
        {"code": {"lib__clean_py": "new"}},
        {"prepare": "code lib/clean.py changed"},
    ),
    "a new file beside": ({"code": {"lib__new_py": "new"}}, {"prepare": "code lib/new.py added"}),
    "a file that no stage uses": ({"code": {"notes_md": "new"}}, {"prepare": "", "train": "", "deploy": ""}),
    "the data": (
        {"external": {"s3://bucket/raw/sales/": "d2"}},
        {"prepare": "s3://bucket/raw/sales/ changed"},
    ),
    "an instance": (
        {"document": ("stages.evaluate.instance_type", "ml.m5.large")},
        {
            "train": "",
            "evaluate": "instance_type ml.m5.xlarge -> ml.m5.large",
        },
    ),
    "an image": (
        {"document": ("stages.train.image", "sklearn-1.2")},
        {"train": "image sagemaker-scikit-learn:1.4-2-cpu-py3 -> sagemaker-scikit-learn:1.2-1-cpu-py3"},
    ),
    "a tag": ({"document": ("defaults.tags.team", "other")}, {"prepare": "", "train": "", "deploy": ""}),
    "a parameter": (
        {"document": ("parameters.min_r2", 0.9)},
        {
            "evaluate": "",
            "quality": "require 0.88 -> 0.9",
            "register": "quality runs again",
            "deploy": "register runs again",
        },
    ),
    "several": (
        {"document": ("stages.train.hyperparameters", {"n-estimators": 500}), "code": {"train_py": "new"}},
        {"train": f'code train.py changed, hyperparameters.criterion "mae" is gone, {TREES} and 1 more'},
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_reason_names_the_change(house, first, case):
    change, expected = CHANGES[case]
    again = later(
        house,
        house.changed(*change["document"]) if "document" in change else None,
        house.results_of(first),
        code=house.release(**change.get("code", {})),
        external=change.get("external"),
    )
    for stage, reason in expected.items():
        same = f"same as run {first.run}"
        assert reasons(again)[stage] == (f"{stage}: {reason}" if reason else same)
        assert actions(again)[stage] == ("run" if reason else "reuse")


def test_reused_values_are_in_requests(house, first):
    changed = house.changed("stages.evaluate.max_runtime_seconds", 60)
    again = later(house, changed, house.results_of(first))
    evaluate = again.stage("evaluate")
    assert evaluate.bindings == ()
    uris = [item["S3Input"]["S3Uri"] for item in evaluate.requests["CreateProcessingJob"]["ProcessingInputs"]]
    assert uris[1:] == [first.stage("train").outputs["model"], f"{first.stage('prepare').outputs['test']}/"]
    assert again.waves == ((("evaluate", "quality", "register", "deploy"),),)


def test_known_metric_is_a_number_in_the_gate(house, first):
    again = later(house, house.changed("parameters.min_r2", 0.9), house.results_of(first))
    assert again.stage("quality").requests["Gate"] == [
        {"op": "value", "value": 0.91},
        {"op": "value", "value": 0.9},
        {"op": ">=", "text": "evaluate.metrics.r2 >= 0.9"},
    ]


def test_older_result_with_the_same_inputs_is_reused(house, first):
    second = later(house, house.changed(*CHANGES["a hyperparameter"][0]["document"]), house.results_of(first))
    third = later(house, results=house.results_of(second, first))
    assert reasons(third)["train"] == f"same as run {first.run}"
    assert reasons(third)["register"] == f"same as run {first.run}"
    assert reasons(third)["deploy"] == "deploy: another result of register"


def test_lost_result_does_not_rerun_the_next_stage(house, first):
    results = house.results_of(first)
    del results["prepare"]
    again = later(house, results=results)
    assert actions(again) == dict.fromkeys(actions(again), "reuse") | {"prepare": "run"}


def test_pointer_stage_runs_when_its_source_runs(house, first):
    results = house.results_of(first)
    del results["train"]
    again = later(house, results=results)
    assert actions(again) == {
        "prepare": "reuse",
        "train": "run",
        "evaluate": "reuse",
        "quality": "reuse",
        "register": "run",
        "deploy": "run",
    }
    assert reasons(again)["register"] == "register: train runs again"


def test_custom_output_uri_holds_only_the_newest_result(house):
    def changed(trees):
        document = house.changed("stages.prepare.outputs", {"train": "s3://own/a", "test": "s3://own/b"})
        return document.model_copy(update={"parameters": {**document.parameters, "trees": trees}})

    first = later(house, changed(300))
    assert first.stage("prepare").outputs == {"train": "s3://own/a", "test": "s3://own/b"}
    second = later(house, changed(500), house.results_of(first))
    second = replace(second, run="second")
    third = later(house, changed(300), house.results_of(second, first))
    assert actions(third)["prepare"] == "run"
    assert "500 -> 300" in reasons(third)["prepare"]


def test_force_runs_every_enabled_stage(house, first):
    again = later(house, results=house.results_of(first), force=True)
    assert set(actions(again).values()) == {"run"}
    assert set(reasons(again).values()) == {"forced"}


# Stages that are off


def test_disabled_stage_with_same_inputs_is_reused(house, first):
    again = later(house, house.changed("stages.prepare.enabled", False), house.results_of(first))
    assert reasons(again)["prepare"] == f"off; uses the result of run {first.run}"
    assert actions(again) == dict.fromkeys(actions(again), "reuse")
    assert again.warnings == ()


def test_disabled_stage_with_other_inputs_is_stale(house, first):
    document = house.changed("stages.prepare.enabled", False)
    again = later(
        house, document, house.results_of(first), code=house.release(prepare_py="new", train_py="new")
    )
    stale = f"off; uses the result of run {first.run} (stale: code prepare.py changed)"
    assert reasons(again)["prepare"] == stale
    assert again.warnings == (f"prepare: {stale}",)
    assert reasons(again)["train"] == "train: code train.py changed"
    uri = again.stage("train").requests["CreateTrainingJob"]["InputDataConfig"][0]["DataSource"][
        "S3DataSource"
    ]
    assert uri["S3Uri"] == f"{first.stage('prepare').outputs['train']}/"


def test_disabled_stage_without_a_needed_result_is_rejected(house):
    reported = problems(lambda: later(house, house.changed("stages.prepare.enabled", False)))
    where = "stages.prepare: off, and there is no result in partition 2026-01-31"
    assert reported == [
        f"{where}; train needs ${{stages.prepare.outputs.train}} (enable it for one run)",
        f"{where}; evaluate needs ${{stages.prepare.outputs.test}} (enable it for one run)",
    ]


def test_disabled_stage_that_is_not_needed_is_skipped(house):
    made = later(house, house.changed("stages.quality.enabled", False))
    assert (actions(made)["quality"], reasons(made)["quality"]) == ("skip", "off")
    assert actions(made)["register"] == "run"


def test_disabled_stage_keeps_the_order_of_its_neighbors(house):
    made = later(house, house.changed("stages.quality.enabled", False))
    assert made.waves == ((("prepare", "train", "evaluate", "register", "deploy"),),)


def test_missing_file_of_a_disabled_stage_is_ignored(house, first):
    document = house.changed(
        "stages.prepare", house.DOCUMENT["stages"]["prepare"] | {"enabled": False, "code": "x.py"}
    )
    assert actions(later(house, document, house.results_of(first)))["prepare"] == "reuse"


# What stands in the way


def test_planning_problems_are_reported_together(house):
    document = house.changed("stages.train.entry_point", "trian.py")
    missing = "nothing at s3://bucket/raw/sales/ (upload it, or name it in sample_data)"
    assert problems(lambda: later(house, document, external={})) == [
        f"stages.prepare.inputs.sales: {missing}",
        'stages.train.entry_point: no trian.py in the release (did you mean "train.py"?)',
    ]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("stages.train.include", ["libs"], "stages.train.include[0]: no libs in the release"),
        ("stages.train.image", "sklearn-9.9", "stages.train.image: unknown image: sklearn-9.9"),
        (
            "stages.train.request",
            {"RetryStrategy": {"MaximumRetryAttempts": 2}},
            "stages.train: CreateTrainingJob.RetryStrategy: Step Functions' createTrainingJob",
        ),
        ("stages.train.request", {"Nmae": 1}, "stages.train: CreateTrainingJob.Nmae: AWS has no such field"),
        (
            "stages.train.instance_type",
            "ml.m5.xlrge",
            "stages.train: CreateTrainingJob.ResourceConfig.InstanceType: 'ml.m5.xlrge' is not a value ",
        ),
        (
            "stages.deploy.request",
            {"VpcConfig": {}},
            "stages.deploy.request: unknown operation for these fields (put the fields under CreateModel, ",
        ),
    ],
)
def test_planning_problem_has_path_and_message(house, path, value, message):
    reported = problems(lambda: later(house, house.changed(path, value)))
    assert reported[0].startswith(message)


def test_reused_result_without_the_value_is_rejected(house, first):
    results = house.results_of(first)
    (good,) = results["evaluate"]
    results["evaluate"] = [replace(good, result={"metrics": {}})]
    reported = problems(lambda: later(house, house.changed("parameters.min_r2", 0.9), results))
    message = f"evaluate has no metrics.r2 in run {first.run}, whose result is reused"
    assert reported == [f"stages.quality: {message} (run evaluate again)"]
    results["evaluate"] = [replace(good, result={"metrics": {"R2": 1, "mae": 2}})]
    reported = problems(lambda: later(house, house.changed("parameters.min_r2", 0.9), results))
    assert reported == [f'stages.quality: {message} (did you mean "R2"?; or run evaluate again)']


def test_renamed_endpoint_leaves_an_orphan_warning(house, first):
    made = later(house, house.changed("stages.deploy.name", "prices"), house.results_of(first))
    (warning,) = made.warnings
    assert warning.startswith(f"deploy: deploys to prices; endpoint house-price-local of run {first.run}")
    assert "aws sagemaker delete-endpoint --endpoint-name house-price-local" in warning


def test_endpoint_deployed_by_another_stage_is_no_orphan(house, first):
    document = house.changed("stages.deploy.name", "prices")
    again = document.stages["deploy"].model_copy(update={"name": "house-price-local"})
    document = document.model_copy(update={"stages": {**document.stages, "second": again}})
    assert later(house, document, house.results_of(first)).warnings == ()


def test_secret_warning_does_not_show_the_secret(house):
    made = later(house, house.changed("stages.train.environment", {"DB_PASSWORD": "hunter2"}))
    (warning,) = made.warnings
    assert warning.startswith("stages.train.environment.DB_PASSWORD: looks like a secret in plain text (")
    assert "hunter2" not in warning


def test_metric_that_may_take_exponential_time_is_warned_of(house):
    (warning,) = later(house, house.changed("stages.train.metrics", {"mae": "(?:a+)+(b)"})).warnings
    assert warning.startswith("stages.train.metrics.mae: this regular expression may take exponential time")


@pytest.mark.parametrize(
    ("metrics", "remedies"),
    [
        ({"r_2": 1, "mae": 2}, ['did you mean "r_2"?']),
        ({"mae": 2, "rmse": 3}, ["it had: mae, rmse"]),
        ({"r2": 0.9}, []),
        ({}, []),
    ],
)
def test_metric_missing_from_the_last_result_is_a_warning(house, first, metrics, remedies):
    results = house.results_of(first)
    (good,) = results["evaluate"]
    results["evaluate"] = [replace(good, result={"metrics": metrics})]
    changed = house.changed("stages.evaluate.max_runtime_seconds", 60)
    made = later(house, changed, results)
    expected = [f"quality: evaluate had no metric r2 in run {first.run}; {words}" for words in remedies]
    assert list(made.warnings) == expected


def test_stage_too_large_for_a_page_is_rejected(house):
    code = house.release(**{f"lib__{number:04}_{'x' * 60}_py": "1" for number in range(1500)})
    reported = problems(lambda: later(house, code=code))
    assert re.match(r"stages.prepare: its plan has [\d,]+ bytes; the limit is 150,000", reported[0])


# External inputs


def test_external_inputs(house):
    document = house.changed(
        "stages.train.channels",
        {"train": "${stages.prepare.outputs.train}", "extra": "s3://other/${trigger.date}/x"},
    )
    reported = external_inputs(document, house.trigger(), house.INSTALLATION)
    assert reported == ("s3://bucket/raw/sales/", "s3://other/2026-01-31/x")


def test_external_inputs_of_other_kinds(house):
    document = house.changed("stages.register.model", "s3://models/m.tar.gz")
    assert "s3://models/m.tar.gz" in external_inputs(document, house.trigger(), house.INSTALLATION)


# Names


@pytest.mark.slow
@given(
    pipeline=st.from_regex(r"[a-z](-?[a-z0-9]){0,39}", fullmatch=True).filter(lambda name: len(name) <= 40),
    stage=st.from_regex(r"[a-z](-?[a-z0-9]){0,31}", fullmatch=True).filter(lambda name: len(name) <= 32),
    key=st.text(min_size=1, max_size=20),
)
def test_job_names_are_within_their_limits(pipeline, stage, key):
    shared = {"instance_type": "ml.m5.large"}
    package = "arn:aws:sagemaker:eu-west-1:123456789012:model-package/g/1"
    stages = {
        stage: {"kind": "processing", "code": "a.py", "image": "sklearn-1.4", **shared},
        f"{stage[:31]}z": {"kind": "endpoint", "model": package, **shared},
    }
    document = load({"name": pipeline, "stages": stages})
    installation = Installation(bucket="bucket", region="eu-west-1", account="123456789012")
    release = Release(pipeline, {"a.py": CodeFile("0" * 64)})
    made = plan(document, Trigger("manual", key, "2026-12-31T23:59:59.999Z"), Recorded(installation, release))
    assert len(made.run) <= 63
    jobs = [planned.job for planned in made.stages]
    assert len(set(jobs)) == len(jobs)
    assert all(re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", job) for job in jobs)


def test_events_of_one_second_rarely_share_a_run_id():
    place = Installation(bucket="bucket", region="eu-west-1", account="123456789012")
    second = datetime(2026, 1, 31, 14, 0, tzinfo=UTC)
    keys = [f"data:prices:raw/{number}/_SUCCESS:v1" for number in range(60_000)]
    assert len({run_id(place, "prices", key, second) for key in keys}) > len(keys) - 10


def test_gate_rejects_a_stale_result(house, first):
    """With evaluate disabled, its metrics describe the previous model, so a bad new model would pass."""
    document = house.changed("stages.evaluate.enabled", False)
    release = house.release(train_py="new")
    reported = problems(lambda: later(house, document, house.results_of(first), code=release))
    what = "stages.quality: evaluate is off, and its last result has other inputs: train runs again"
    assert reported == [f"{what} (enable evaluate, or add --bypass quality --reason TEXT)"]


def test_gate_accepts_a_disabled_stage_with_same_inputs(house, first):
    again = later(house, house.changed("stages.evaluate.enabled", False), house.results_of(first))
    assert actions(again)["quality"] == "reuse"


# An endpoint that somebody has rolled back

BACK = "endpoint house-price-local serves c1 since ada rolled it back at noon"


def test_rolled_back_version_is_not_deployed_again(house, first):
    results = {**house.results_of(first)}
    back = tuple(replace(result, rolled_back=BACK) for result in results["deploy"])
    made = later(house, results={**results, "deploy": back})
    reason = f"{BACK}; the same is not deployed again, --from deploy deploys it"
    assert (actions(made)["deploy"], reasons(made)["deploy"]) == ("reuse", reason)
    assert made.warnings == (f"deploy: {reason}",)
    # Not even where what it points at is made again of the same.
    again = later(house, results={**results, "register": (), "deploy": back})
    assert (actions(again)["register"], actions(again)["deploy"]) == ("run", "reuse")


def test_changed_version_is_deployed_after_a_rollback(house, first):
    results = {**house.results_of(first)}
    back = tuple(replace(result, rolled_back=BACK) for result in results["deploy"])
    results["deploy"] = back
    changed = later(house, house.changed("stages.deploy.instance_count", 2), results)
    assert (actions(changed)["deploy"], reasons(changed)["deploy"]) == (
        "run",
        f"deploy: instance_count 1 -> 2; {BACK}",
    )
    count = "request.CreateEndpointConfig.ProductionVariants.AllTraffic.InitialInstanceCount"
    inputs = {**back[0].inputs, count: "7"}
    older = replace(back[0], rolled_back="", run="older", inputs=inputs, fingerprint="older")
    results["deploy"] = (*back, older)
    changed = later(house, house.changed("stages.deploy.instance_count", 2), results)
    assert reasons(changed)["deploy"] == f"deploy: instance_count 7 -> 2; {BACK}"
    assert reasons(later(house, results=results, force=True))["deploy"] == "forced"


def test_version_served_after_a_rollback_is_reused(house, first):
    results = {**house.results_of(first)}
    (good,) = results["deploy"]
    bad = replace(good, run="bad", fingerprint="other", inputs={**good.inputs, "x": "y"}, rolled_back=BACK)
    made = later(house, results={**results, "deploy": (bad, good)})
    assert (actions(made)["deploy"], reasons(made)["deploy"]) == ("reuse", f"same as run {first.run}")
