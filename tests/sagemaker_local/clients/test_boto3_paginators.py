"""Every paginator of boto3's SageMaker client returns each item once, or is rejected as unsupported."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

PAGINATORS: dict[str, Any] = (
    botocore.session.get_session()
    .get_component("data_loader")
    .load_service_model("sagemaker", "paginators-1")["pagination"]
)
NAMES = ["page-1", "page-2", "page-3"]
OURS = {"Name": "TrainingJobName", "Operator": "Contains", "Value": "page-"}
ONLY_OURS = {"NameContains": "page-"}
HERE: dict[str, tuple[dict[str, Any], str]] = {
    "ListProcessingJobs": (ONLY_OURS, "ProcessingJobName"),
    "ListTrainingJobs": (ONLY_OURS, "TrainingJobName"),
    "ListModels": (ONLY_OURS, "ModelName"),
    "ListEndpointConfigs": (ONLY_OURS, "EndpointConfigName"),
    "ListEndpoints": (ONLY_OURS, "EndpointName"),
    "ListModelPackageGroups": (ONLY_OURS, "ModelPackageGroupName"),
    "ListModelPackages": ({"ModelPackageGroupName": "page-1"}, "ModelPackageVersion"),
    "ListPipelines": ({"PipelineNamePrefix": "page"}, "PipelineName"),
    "ListTags": ({}, "Key"),
    "Search": ({"Resource": "TrainingJob", "SearchExpression": {"Filters": [OURS]}}, "TrainingJob"),
}
"""Those of resources that there are: arguments, and the member that tells the items apart."""
ELSEWHERE = {
    "ListHyperParameterTuningJobs",
    "ListPipelineExecutionSteps",
    "ListPipelineExecutions",
    "ListPipelineParametersForExecution",
    "ListTrainingJobsForHyperParameterTuningJob",
    "ListTransformJobs",
}
"""Tested with the jobs and executions that they list."""
WHOLE = {"ListTags"}
"""A resource has at most 50 tags, and 50 is the least that may be asked for."""


@pytest.fixture(scope="module")
def tagged(account):
    """Three of everything; answers the ARN of what has three tags."""
    for name in NAMES:
        account.processing_job(name, "")
        account.training_job(name, "")
        account.endpoint(name)
        account.sagemaker.create_model_package_group(ModelPackageGroupName=name)
        account.package("page-1")
        account.pipeline(name)
    arn = account.sagemaker.describe_model(ModelName="page-1")["ModelArn"]
    account.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": name, "Value": "x"} for name in NAMES])
    yield arn
    for name in NAMES:
        wait = {"WaiterConfig": {"Delay": 0.05, "MaxAttempts": 6000}}
        account.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, **wait)


def paginate(account, operation, tagged, **config):
    arguments = {"ResourceArn": tagged} if operation == "ListTags" else HERE[operation][0]
    paginator = account.sagemaker.get_paginator(xform_name(operation))
    return paginator.paginate(**arguments, PaginationConfig=config)


def told_apart(operation, items):
    member = HERE[operation][1]
    found = [item[member] for item in items]
    return [each["TrainingJobName"] for each in found] if operation == "Search" else found


@pytest.mark.parametrize("operation", sorted(HERE))
def test_pages_hold_everything_once(account, tagged, operation):
    key = PAGINATORS[operation]["result_key"]
    size = {} if operation in WHOLE else {"PageSize": 2}
    pages = [told_apart(operation, page[key]) for page in paginate(account, operation, tagged, **size)]
    assert [len(page) for page in pages] == ([3] if operation in WHOLE else [2, 1])
    expected = [1, 2, 3] if operation == "ListModelPackages" else NAMES
    assert sorted(item for page in pages for item in page) == expected


@pytest.mark.parametrize("operation", sorted(HERE.keys() - WHOLE))
def test_list_continues_with_its_token(account, tagged, operation):
    key = PAGINATORS[operation]["result_key"]
    first = paginate(account, operation, tagged, MaxItems=1, PageSize=1).build_full_result()
    token = {"StartingToken": first["NextToken"], "PageSize": 1}
    rest = paginate(account, operation, tagged, **token).build_full_result()
    everything = [*told_apart(operation, first[key]), *told_apart(operation, rest[key])]
    assert len(everything) == len(set(everything)) == 3


@pytest.mark.parametrize("operation", sorted(HERE.keys() - WHOLE))
def test_token_of_another_list_is_rejected(account, operation):
    paginator = account.sagemaker.get_paginator(xform_name(operation))
    with pytest.raises(ClientError, match="NextToken is not valid"):
        list(paginator.paginate(**HERE[operation][0], PaginationConfig={"StartingToken": "bm9uZQ=="}))


@pytest.mark.parametrize("operation", sorted(PAGINATORS.keys() - HERE.keys() - ELSEWHERE))
def test_other_paginators_report_an_unsupported_resource(unchecked, operation):
    with pytest.raises(ClientError, match=f"not supported by the local SageMaker: {operation}"):
        list(unchecked.get_paginator(xform_name(operation)).paginate())
