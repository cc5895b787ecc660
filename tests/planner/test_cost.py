from __future__ import annotations

from dataclasses import replace

import pytest

from stagewright.document.load import load
from stagewright.errors import PlanError
from stagewright.planner.cost import hours_by_type
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

    assert by_stage["train"] == (Use("training job", "ml.m5.xlarge", 1, 1.0),)
    assert by_stage["quality"] == by_stage["register"] == ()
    assert by_stage["deploy"] == (Use("endpoint", "ml.m5.large", 1, None),)


def test_time_limit_counts_for_every_instance_and_attempt():
    (use,) = uses("training", {"CreateTrainingJob": TRAINING}, timeout=9000, attempts=3)
    assert use == Use("training job", "ml.p3.2xlarge", 2, 12.0)  # 2 instances x 2 h x 3 attempts


def test_spot_wait_costs_nothing():
    (use,) = uses("training", {"CreateTrainingJob": TRAINING | {"EnableManagedSpotTraining": True}}, 30_000)
    assert use == Use("spot training job", "ml.p3.2xlarge", 2, 4.0)


def test_job_with_several_instance_types_is_counted():
    groups = [
        {"InstanceGroupName": "a", "InstanceType": "ml.m5.large", "InstanceCount": 3},
        {"InstanceGroupName": "b", "InstanceType": "ml.g5.xlarge", "InstanceCount": 1},
    ]
    job = TRAINING | {"ResourceConfig": {"InstanceGroups": groups}}
    held = uses("training", {"CreateTrainingJob": job}, 9000)
    assert hours_by_type(held) == {"ml.g5.xlarge": 2.0, "ml.m5.large": 6.0}


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


def test_money_budget_requires_a_price_for_every_type(house):
    with pytest.raises(PlanError, match=r"no price for ml\.m5\.xlarge"):
        plan(budget(house, money=1, prices={"ml.m5.large": 0.1}), house.trigger(), house.recorded())


def test_run_that_costs_too_much_is_rejected(house):
    document = budget(house, money=0.5, prices={"ml.m5.xlarge": 0.3})
    with pytest.raises(PlanError, match=r"may cost 0\.90; the budget is 0\.5"):
        plan(document, house.trigger(), house.recorded())


def test_reused_stage_costs_nothing(house):
    results = house.results_of(made(house))
    document = budget(house, instance_hours=0.1)
    again = plan(document, house.trigger(), house.recorded(results))
    assert {stage.action for stage in again.stages} == {"reuse"}


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
