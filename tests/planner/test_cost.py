from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from stagewright.catalog.prices import Prices
from stagewright.document.load import load
from stagewright.errors import PlanError
from stagewright.planner.cost import cost_of, hours_by_type, plan_json
from stagewright.planner.planner import plan
from stagewright.planner.quotas import exceeded, peaks
from stagewright.stages.base.usage import Use
from stagewright.stages.registry import KINDS

TRAINING = {
    "ResourceConfig": {"InstanceType": "ml.p3.2xlarge", "InstanceCount": 2, "VolumeSizeInGB": 30},
    "StoppingCondition": {"MaxRuntimeInSeconds": 7200, "MaxWaitTimeInSeconds": 20_000},
}


def uses(kind, requests, timeout, attempts=1):
    return tuple(KINDS[kind].request.uses(requests, timeout, attempts))


def made(house, **changes):
    document = house.changed().model_copy(update=changes)
    return plan(document, house.trigger(), house.recorded())


def test_running_stage_lists_its_instances(house):
    by_stage = {stage.name: stage.uses for stage in made(house).stages}

    assert by_stage["train"] == (Use("training job", "ml.m5.xlarge", 1, 1.0, volume=30),)
    assert by_stage["quality"] == by_stage["register"] == ()
    assert by_stage["deploy"] == (Use("endpoint", "ml.m5.large", 1, None),)


def test_time_limit_counts_for_every_instance_and_attempt():
    (use,) = uses("training", {"CreateTrainingJob": TRAINING}, timeout=9000, attempts=3)
    assert use == Use("training job", "ml.p3.2xlarge", 2, 12.0, volume=30)  # 2 instances x 2 h x 3 attempts


def test_spot_wait_costs_nothing():
    (use,) = uses("training", {"CreateTrainingJob": TRAINING | {"EnableManagedSpotTraining": True}}, 30_000)
    assert use == Use("spot training job", "ml.p3.2xlarge", 2, 4.0, volume=30)


def test_warm_pool_counts_after_each_job():
    job = TRAINING | {"ResourceConfig": TRAINING["ResourceConfig"] | {"KeepAlivePeriodInSeconds": 1800}}
    (use,) = uses("training", {"CreateTrainingJob": job}, timeout=9000)
    assert use.hours == 5.0  # 2 instances x (2 h + 30 min)


def test_job_with_several_instance_types_is_counted():
    groups = [
        {"InstanceGroupName": "a", "InstanceType": "ml.m5.large", "InstanceCount": 3},
        {"InstanceGroupName": "b", "InstanceType": "ml.g5.xlarge", "InstanceCount": 1},
    ]
    job = TRAINING | {"ResourceConfig": {"InstanceGroups": groups}}
    held = uses("training", {"CreateTrainingJob": job}, 9000)
    assert hours_by_type(held) == {"ml.g5.xlarge": 2.0, "ml.m5.large": 6.0}


@pytest.mark.parametrize(("lifetime", "hours"), [(None, None), (7200, 6.0)])
def test_endpoint_is_held_until_it_expires(lifetime, hours):
    variant = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 3, "VolumeSizeInGB": 8}
    settings = {"time_to_live": lifetime} if lifetime else {}
    requests = {"CreateEndpointConfig": {"ProductionVariants": [variant]}, "Endpoint": settings}
    (use,) = uses("endpoint", requests, 100)
    assert use == Use("endpoint", "ml.m5.large", 3, hours, volume=8)


def test_serverless_endpoint_has_no_price():
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    config = {"ProductionVariants": [{"ServerlessConfig": serverless}]}
    (use,) = uses("endpoint", {"CreateEndpointConfig": config, "Endpoint": {}}, 100)
    assert use == Use("endpoint", "serverless", 1, None)
    assert cost_of([use]).unpriced == ("serverless",)


@pytest.mark.parametrize(
    ("run", "instance_type", "hours"),
    [
        ({"JobName": "stagewright-dev-pythonshell"}, "glue.pythonshell-small", 2.0),
        ({"JobName": "stagewright-dev-pythonshell", "MaxCapacity": 1.0}, "glue.pythonshell", 2.0),
        ({"JobName": "any", "WorkerType": "G.2X", "NumberOfWorkers": 5}, "glue.G.2X", 10.0),
        ({"JobName": "own-job-of-the-platform"}, "glue.job", 2.0),
    ],
)
def test_glue_run_uses_its_workers(run, instance_type, hours):
    (use,) = uses("glue", {"StartJobRun": {"Timeout": 60, **run}}, 100, attempts=2)
    assert (use.instance_type, use.hours) == (instance_type, hours)


@pytest.mark.parametrize(
    ("limits", "ranges", "instances", "hours"),
    [
        ({"MaxNumberOfTrainingJobs": 10, "MaxParallelTrainingJobs": 3}, {}, 6, 40.0),
        ({"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 3}, {}, 4, 8.0),
        (
            {"MaxParallelTrainingJobs": 4},
            {"CategoricalParameterRanges": [{"Values": ["a", "b", "c"]}, {"Values": ["x", "y"]}]},
            8,
            24.0,
        ),
    ],
)
def test_tuning_counts_all_its_jobs(limits, ranges, instances, hours):
    config = {"ResourceLimits": limits, "ParameterRanges": ranges}
    request = {"HyperParameterTuningJobConfig": config, "TrainingJobDefinition": TRAINING}
    (use,) = uses("tuning", {"CreateHyperParameterTuningJob": request}, 100)
    assert (use.instances, use.hours) == (instances, hours)


def test_transform_is_limited_by_its_stage_timeout():
    request = {"TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2}}
    (use,) = uses("transform", {"CreateTransformJob": request}, 1800)
    assert use == Use("transform job", "ml.m5.large", 2, 1.0)


def test_plan_json_has_instance_uses(house):
    planned = made(house)
    uses_json = [use for stage in planned.to_json()["stages"] for use in stage["uses"]]
    assert [Use(**use) for use in uses_json] == [use for stage in planned.stages for use in stage.uses]
    assert uses_json


def budget(house, **limits):
    return load(house.changed().model_dump(mode="json", exclude_unset=True) | {"budget": limits})


def test_run_over_budget_is_rejected_with_its_largest_stages(house):
    document = budget(house, instance_hours=2.5)
    with pytest.raises(PlanError) as caught:
        plan(document, house.trigger(), house.recorded())
    (problem,) = caught.value.problems
    assert problem.path == "budget.instance_hours"
    assert problem.message == (
        "the run may use 3.00 instance-hours; the budget is 2.5 ("
        "prepare 1.00 h, train 1.00 h, evaluate 1.00 h)"
    )


def test_run_within_budget_is_planned(house):
    document = budget(house, instance_hours=3, money=1, prices={"ml.m5.xlarge": 0.3})
    assert plan(document, house.trigger(), house.recorded()).waves


def prices(**changes):
    content = {
        "region": "eu-west-1", "currency": "USD", "date": "2026-11-27",
        "instances": {
            "ml.m5.xlarge": {"training job": "0.23", "processing job": "0.24"},
            "ml.m5.large": {"endpoint": "0.115"},
        },
        "volumes": {"training job": "0.144"},
    }  # fmt: skip
    return Prices(**content | changes)


def test_money_budget_requires_a_price_for_every_type(house):
    document = budget(house, money=1, prices={"ml.m5.large": 0.1})
    with pytest.raises(PlanError, match=r"no price for ml\.m5\.xlarge") as caught:
        plan(document, house.trigger(), house.recorded())
    (problem,) = caught.value.problems
    assert problem.path == "budget.money"
    assert problem.remedy == "stagewright prices update, or set budget.prices"


def test_run_that_costs_too_much_is_rejected(house):
    document = budget(house, money=0.5, prices={"ml.m5.xlarge": 0.3})
    with pytest.raises(PlanError, match=r"may cost 0\.90; the budget is 0\.5"):
        plan(document, house.trigger(), house.recorded())


def test_money_budget_uses_the_prices_of_the_repository(house):
    recorded = replace(house.recorded(), prices=prices())
    with pytest.raises(PlanError, match=r"may cost 0\.72; the budget is 0\.71"):
        plan(budget(house, money=0.71), house.trigger(), recorded)
    assert plan(budget(house, money=0.72), house.trigger(), recorded).currency == "USD"


def test_price_of_the_document_replaces_that_of_the_repository(house):
    document = budget(house, prices={"ml.m5.xlarge": 1})
    planned = plan(document, house.trigger(), replace(house.recorded(), prices=prices()))
    assert cost_of(use for stage in planned.stages for use in stage.uses).most == Decimal(3)


def test_plan_pins_the_price_of_each_use(house):
    planned = plan(house.changed(), house.trigger(), replace(house.recorded(), prices=prices()))
    assert planned.stage("train").uses == (Use("training job", "ml.m5.xlarge", 1, 1.0, 30, "0.236"),)
    assert planned.stage("deploy").uses == (Use("endpoint", "ml.m5.large", 1, None, 0, "0.115"),)
    assert planned.prices_of == "2026-11-27"


def test_cost_is_shown_for_each_stage_and_the_run(house):
    shown = plan_json(plan(house.changed(), house.trigger(), replace(house.recorded(), prices=prices())))
    by_stage = {stage["name"]: stage["cost"] for stage in shown["stages"]}
    assert by_stage["train"] == {"most": "0.2360", "hourly": "0.0000", "unpriced": []}
    assert by_stage["deploy"] == {"most": "0.0000", "hourly": "0.1150", "unpriced": []}
    assert shown["cost"] == {
        "most": "0.7160", "hourly": "0.1150", "unpriced": [], "currency": "USD", "prices_of": "2026-11-27",
    }  # fmt: skip


def test_type_without_a_price_is_named_and_not_counted_as_free(house):
    recorded = replace(house.recorded(), prices=prices(instances={"ml.m5.large": {"endpoint": "0.115"}}))
    shown = plan_json(plan(house.changed(), house.trigger(), recorded))
    assert shown["cost"]["unpriced"] == ["ml.m5.xlarge"]
    assert {stage["name"]: stage["cost"]["unpriced"] for stage in shown["stages"]}["train"] == [
        "ml.m5.xlarge"
    ]


def test_plan_without_prices_has_no_cost(house):
    shown = plan_json(plan(house.changed(), house.trigger(), house.recorded()))
    assert shown["cost"] is None
    assert {stage["cost"] for stage in shown["stages"]} == {None}


@pytest.mark.parametrize(
    ("date", "warned"), [("2026-05-02", False), ("2026-05-01", True), ("2026-08-01", False)]
)
def test_prices_of_more_than_90_days_are_warned_of(house, date, warned):
    """The run is of 2026-07-31."""
    trigger = replace(house.trigger(), time="2026-07-31T12:00:00Z")
    planned = plan(house.changed(), trigger, replace(house.recorded(), prices=prices(date=date)))
    warning = f"the prices of eu-west-1 are 91 days old, of {date}; next: stagewright prices update"
    assert (warning in planned.warnings) == warned


def test_amounts_are_rounded_up():
    use = Use("training job", "ml.m5.xlarge", 1, 1 / 3600, 0, "0.23")
    assert str(cost_of([use]).most) == "0.0001"


def test_reused_stage_costs_nothing(house):
    results = house.results_of(made(house))
    document = budget(house, instance_hours=0.1, money=0.01)
    again = plan(document, house.trigger(), replace(house.recorded(results), prices=prices()))
    assert {stage.action for stage in again.stages} == {"reuse"}
    assert plan_json(again)["cost"]["most"] == "0.0000"
    assert plan_json(again)["cost"]["hourly"] == "0.0000"


def test_peak_instances_are_compared_with_quotas(house):
    """Instances add up over the chains of a wave, but not over the stages of a chain or over waves."""
    planned = made(house)
    stages = {stage.name: stage for stage in planned.stages}
    wide = replace(stages["train"], name="other", uses=(Use("training job", "ml.m5.xlarge", 4, 4.0),))
    beside = replace(
        planned,
        stages=(*planned.stages, wide),
        waves=((("prepare", "train"), ("other",)), (("evaluate",),)),
    )

    assert peaks(beside) == {
        "ml.m5.xlarge for processing job usage": 1,
        "ml.m5.xlarge for training job usage": 5,
    }
    assert list(exceeded(beside, {"ml.m5.xlarge for training job usage": 4.0})) == [
        'the plan uses 5 at once; the account\'s quota "ml.m5.xlarge for training job usage" is 4'
    ]
    assert not list(exceeded(beside, {"ml.m5.xlarge for training job usage": 5.0}))
