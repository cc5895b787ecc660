"""The steps that repeat a request for something that exists or has ended. It must be rejected."""

from __future__ import annotations

from typing import Any

from tools.aws_facts.runs import JOBS, MISSING, endpoint, job
from tools.aws_facts.step import (
    NotTriedError,
    Step,
    Target,
    answered,
    each_rejected,
    is_rejected,
    rejected,
)

PAYLOAD = 6_291_456
"""Largest body of InvokeEndpoint (botocore's model, BodyBlob)."""


def execution(target: Target) -> str:
    """Return the ARN of an execution of the smoke runs that succeeded."""
    machine = target.gateway.installation.state_machine_arn
    states = target.client("stepfunctions")
    ended = states.list_executions(stateMachineArn=machine, statusFilter="SUCCEEDED", maxResults=1)[
        "executions"
    ]
    if not ended:
        raise NotTriedError("no execution has succeeded")
    return str(ended[0]["executionArn"])


def stopped_again(target: Target) -> dict[str, Any]:
    return answered(target, target.client("stepfunctions").stop_execution, executionArn=execution(target))


def started_again(target: Target) -> dict[str, Any]:
    """Start an execution with a used name and no input. If it starts, it fails at once."""
    states, machine = target.client("stepfunctions"), target.gateway.installation.state_machine_arn
    name = execution(target).rpartition(":")[2]
    return answered(target, states.start_execution, stateMachineArn=machine, name=name, input="{}")


def created_again(target: Target) -> dict[str, Any]:
    """Create a training job under a used name."""
    sagemaker, name = target.client("sagemaker"), job(target, "training")
    known = sagemaker.describe_training_job(TrainingJobName=name)
    algorithm = known["AlgorithmSpecification"]
    fields = ("RoleArn", "OutputDataConfig", "ResourceConfig", "StoppingCondition")
    request = {field: known[field] for field in fields}
    request["AlgorithmSpecification"] = {
        key: algorithm[key] for key in ("TrainingImage", "TrainingInputMode") if key in algorithm
    }
    return answered(target, sagemaker.create_training_job, TrainingJobName=name, **request)


def jobs_stopped_again(target: Target) -> dict[str, Any]:
    """Stop an ended job of each kind."""
    sagemaker, answers = target.client("sagemaker"), {}
    for kind, (name, _) in JOBS.items():
        stop = getattr(sagemaker, f"stop_{kind}_job")
        answers[kind] = answered(target, stop, **{name: job(target, kind)})
    return answers


def endpoint_again(target: Target) -> dict[str, Any]:
    """Create an endpoint under a used name."""
    sagemaker = target.client("sagemaker")
    used = sagemaker.describe_endpoint(EndpointName=endpoint(target))
    names = {"EndpointName": used["EndpointName"], "EndpointConfigName": used["EndpointConfigName"]}
    return answered(target, sagemaker.create_endpoint, **names)


def endpoint_without_configuration(target: Target) -> dict[str, Any]:
    create = target.client("sagemaker").create_endpoint
    return answered(target, create, EndpointName=MISSING, EndpointConfigName=MISSING)


def too_large(target: Target) -> dict[str, Any]:
    invoke = target.client("sagemaker-runtime").invoke_endpoint
    answer = answered(target, invoke, EndpointName=endpoint(target), Body=b"0" * (PAYLOAD + 1))
    return answer if "error" in answer else {"response": {}}


STEPS = (
    Step(
        "F9",
        "CreateEndpoint names a missing configuration",
        endpoint_without_configuration,
        rejected("ValidationException", "Could not find"),
    ),
    Step("F22", "StartExecution rejects a used name", started_again, rejected("ExecutionAlreadyExists")),
    Step("F23", "StopExecution rejects an ended execution", stopped_again, rejected("ValidationException")),
    Step("F32", "a create under a used name is in use", created_again, rejected("ResourceInUse")),
    Step(
        "F46",
        "CreateEndpoint rejects a used name",
        endpoint_again,
        rejected("ValidationException", "Cannot create already existing endpoint"),
    ),
    Step("F68", "InvokeEndpoint rejects 6,291,457 bytes", too_large, is_rejected),
    Step(
        "F81",
        "Stop rejects an ended job of every kind",
        jobs_stopped_again,
        each_rejected("ValidationException"),
    ),
)
