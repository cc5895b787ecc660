"""The filters of Search in the API reference, used through boto3."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

SCRIPT = """
import os
print("loss=" + os.environ["SM_HP_RATE"])
"""
LOSS = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]
RATES = {"search-a": "0.5", "search-b": "1.5", "search-c": "2.5"}


@pytest.fixture(scope="module")
def jobs(account):
    for name, rate in RATES.items():
        account.training_job(name, SCRIPT, hyperparameters={"rate": rate}, MetricDefinitions=LOSS)
    for name in RATES:
        wait = {"WaiterConfig": {"Delay": 0.05, "MaxAttempts": 6000}}
        account.sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name, **wait)
    arn = account.sagemaker.describe_training_job(TrainingJobName="search-b")["TrainingJobArn"]
    account.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "prices"}])


@pytest.fixture
def search(account, jobs):
    """`search(filter, ...)`: the last letters of the names of the jobs that are found, oldest first."""

    def find(*filters, **expression):
        found = account.sagemaker.search(
            Resource="TrainingJob",
            SearchExpression={
                "Filters": [condition("TrainingJobName", "Contains", "search-")],
                "SubExpressions": [{"Filters": list(filters), **expression}],
            },
            SortOrder="Ascending",
        )
        assert found["TotalHits"]["Value"] == len(found["Results"])
        return "".join(each["TrainingJob"]["TrainingJobName"][-1] for each in found["Results"])

    return find


def condition(name, operator, value=None):
    return {"Name": name, "Operator": operator, **({"Value": value} if value else {})}


@pytest.mark.parametrize(
    ("name", "operator", "value", "found"),
    [
        ("TrainingJobName", "Equals", "search-b", "b"),
        ("TrainingJobName", "NotEquals", "search-b", "ac"),
        ("TrainingJobName", "In", "search-a,search-c", "ac"),
        ("TrainingJobStatus", "Equals", "Completed", "abc"),
        ("ModelArtifacts.S3ModelArtifacts", "Contains", "search-c", "c"),
        ("HyperParameters.rate", "GreaterThan", "0.5", "bc"),
        ("HyperParameters.rate", "LessThanOrEqualTo", "1.5", "ab"),
        ("Metrics.loss", "GreaterThanOrEqualTo", "1.5", "bc"),
        ("Metrics.loss", "Equals", "2.50", "c"),
        ("Tags.team", "Equals", "prices", "b"),
        ("Tags.team", "Exists", None, "b"),
        ("Tags.team", "NotExists", None, "ac"),
        ("CreationTime", "LessThan", "2001-01-01T00:00:00Z", ""),
        ("CreationTime", "GreaterThan", "2001-01-01T00:00:00", "abc"),
        ("ResourceConfig.InstanceCount", "Equals", "1", "abc"),
        ("NoSuchProperty", "Equals", "1", ""),
    ],
)
def test_filter_selects_matching_training_jobs(search, name, operator, value, found):
    assert search(condition(name, operator, value)) == found


def test_or_operator_needs_one_matching_filter(search):
    either = (condition("Metrics.loss", "LessThan", "1"), condition("Metrics.loss", "GreaterThan", "2"))
    assert search(*either) == ""
    assert search(*either, Operator="Or") == "ac"


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"Resource": "Experiment"}, "not supported by the local SageMaker: Resource=Experiment"),
        (
            {
                "Resource": "TrainingJob",
                "SearchExpression": {"Filters": [condition("CreationTime", "LessThan", "soon")]},
            },
            "CreationTime cannot be compared with 'soon'",
        ),
        (
            {"Resource": "TrainingJob", "SortBy": "NoSuchProperty"},
            "not every TrainingJob .* has NoSuchProperty",
        ),
    ],
)
def test_invalid_invocations_are_rejected(account, jobs, request_, message):
    with pytest.raises(ClientError, match=message):
        account.sagemaker.search(**request_)
