"""An endpoint: created the first time, updated afterwards, awaited until it serves the new configuration."""

from __future__ import annotations

from stagewright.workflow import jsonata, record, retries
from stagewright.workflow.kinds.kind import Kind
from stagewright.workflow.states import Catch, Choice, Rule, Task, Wait

_LOOK = {"EndpointName": jsonata.ENDPOINT_NAME}

KIND = Kind(
    "endpoint",
    "Create model",
    {
        "Create model": Task(
            "sagemaker:createModel",
            jsonata.bound("CreateModel"),
            jsonata.INPUT,
            "Create configuration",
            retries.JOBS,
            record.CAUGHT,
        ),
        "Create configuration": Task(
            "sagemaker:createEndpointConfig",
            jsonata.bound("CreateEndpointConfig"),
            jsonata.CONFIG_MADE,
            "Find endpoint",
            retries.JOBS,
            record.CAUGHT,
        ),
        "Find endpoint": Task(
            "aws-sdk:sagemaker:describeEndpoint",
            _LOOK,
            jsonata.ENDPOINT_SEEN,
            "Endpoint broken?",
            retries.LOOK,
            # Whatever is wrong, the attempt to create it tells: SageMaker has no error of its own for "not
            # there".
            Catch("Create endpoint", jsonata.INPUT),
        ),
        # SageMaker: a failed endpoint cannot be updated, only deleted (UpdateEndpoint, API reference).
        "Endpoint broken?": Choice(
            (Rule(jsonata.ENDPOINT_BROKEN, "Delete endpoint"),), default="Update endpoint"
        ),
        "Delete endpoint": Task(
            "aws-sdk:sagemaker:deleteEndpoint",
            _LOOK,
            jsonata.INPUT,
            "Look for endpoint",
            retries.SAGEMAKER,
            record.CAUGHT,
        ),
        "Look for endpoint": Task(
            "aws-sdk:sagemaker:describeEndpoint",
            _LOOK,
            jsonata.ENDPOINT_SEEN,
            "Endpoint gone?",
            retries.LOOK,
            Catch("Create endpoint", jsonata.INPUT),
        ),
        "Endpoint gone?": Choice(
            (Rule(jsonata.IS_LATE, record.FAILED, jsonata.ENDPOINT_LATE),), default="Wait for deletion"
        ),
        "Wait for deletion": Wait(jsonata.POLL, "Look for endpoint"),
        "Create endpoint": Task(
            "sagemaker:createEndpoint",
            jsonata.bound("CreateEndpoint"),
            jsonata.INPUT,
            "Look at endpoint",
            retries.JOBS,
            Catch("Endpoint there?", jsonata.CAUGHT),
        ),
        "Endpoint there?": Choice((Rule(jsonata.ALREADY_THERE, "Update endpoint"),), default=record.FAILED),
        "Update endpoint": Task(
            "sagemaker:updateEndpoint",
            jsonata.bound("UpdateEndpoint"),
            jsonata.INPUT,
            "Look at endpoint",
            retries.JOBS,
            record.CAUGHT,
        ),
        "Look at endpoint": Task(
            "aws-sdk:sagemaker:describeEndpoint",
            _LOOK,
            jsonata.ENDPOINT_SEEN,
            "Endpoint ready?",
            retries.SAGEMAKER,
            record.CAUGHT,
        ),
        "Endpoint ready?": Choice(
            (
                Rule(jsonata.ENDPOINT_READY, record.DONE, jsonata.RESULT_OF_ENDPOINT),
                Rule(jsonata.ENDPOINT_FAILED, record.FAILED, jsonata.ENDPOINT_REASON),
                Rule(jsonata.IS_LATE, record.FAILED, jsonata.ENDPOINT_LATE),
            ),
            default="Wait for endpoint",
        ),
        "Wait for endpoint": Wait(jsonata.POLL, "Look at endpoint"),
    },
)
