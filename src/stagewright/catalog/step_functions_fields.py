"""Fields that Step Functions' optimized integrations take.

An integration refuses any other field with States.Runtime, which no Catch sees, so the run would end without
a record: such a field is refused while planning.

Sources. DOCUMENTED: "Manage SageMaker with Step Functions" in the Step Functions developer guide, edition of
2021-10-15, the last one in AWS's public repository of that guide, which listed the supported parameters of
each API; today's page names the APIs only. Of Glue that guide has seven links without names, taken to be the
fields that StartJobRun has had longest. SHOWN: fields that AWS's own tools have since sent, or AWS's
maintainers have confirmed; the reason stands beside each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.errors import Problem

DATE = "2021-10-15"

DOCUMENTED: Mapping[str, frozenset[str]] = {
    "CreateProcessingJob": frozenset(
        (
            "AppSpecification",
            "Environment",
            "ExperimentConfig",
            "NetworkConfig",
            "ProcessingInputs",
            "ProcessingJobName",
            "ProcessingOutputConfig",
            "ProcessingResources",
            "RoleArn",
            "StoppingCondition",
            "Tags",
        )
    ),
    "CreateTrainingJob": frozenset(
        (
            "AlgorithmSpecification",
            "HyperParameters",
            "InputDataConfig",
            "OutputDataConfig",
            "ResourceConfig",
            "RoleArn",
            "StoppingCondition",
            "Tags",
            "TrainingJobName",
            "VpcConfig",
        )
    ),
    "CreateHyperParameterTuningJob": frozenset(
        (
            "HyperParameterTuningJobConfig",
            "HyperParameterTuningJobName",
            "Tags",
            "TrainingJobDefinition",
            "WarmStartConfig",
        )
    ),
    "CreateTransformJob": frozenset(
        (
            "BatchStrategy",
            "Environment",
            "MaxConcurrentTransforms",
            "MaxPayloadInMB",
            "ModelName",
            "Tags",
            "TransformInput",
            "TransformJobName",
            "TransformOutput",
            "TransformResources",
        )
    ),
    "CreateModel": frozenset(
        (
            "Containers",
            "EnableNetworkIsolation",
            "ExecutionRoleArn",
            "ModelName",
            "PrimaryContainer",
            "Tags",
            "VpcConfig",
        )
    ),
    "CreateEndpointConfig": frozenset(("EndpointConfigName", "KmsKeyId", "ProductionVariants", "Tags")),
    "CreateEndpoint": frozenset(("EndpointConfigName", "EndpointName", "Tags")),
    "UpdateEndpoint": frozenset(("EndpointConfigName", "EndpointName")),
    "StartJobRun": frozenset(
        (
            "AllocatedCapacity",
            "Arguments",
            "JobName",
            "JobRunId",
            "NotificationProperty",
            "SecurityConfiguration",
            "Timeout",
        )
    ),
}

SHOWN: Mapping[str, Mapping[str, str]] = {
    "CreateTrainingJob": {
        "EnableNetworkIsolation": "AWS CDK's SageMakerCreateTrainingJob task sends it",
        "Environment": "AWS CDK's SageMakerCreateTrainingJob task sends it",
        "EnableManagedSpotTraining": "AWS, 2021-09-11, aws-step-functions-data-science-sdk-python issue 42",
        "CheckpointConfig": "used in a task, aws-step-functions-data-science-sdk-python issue 86",
        "DebugHookConfig": "AWS's Step Functions data science SDK 2.3 sends it",
        "DebugRuleConfigurations": "AWS's Step Functions data science SDK 2.3 sends it",
        "ExperimentConfig": "AWS's Step Functions data science SDK 2.3 sends it",
    },
    "CreateTransformJob": {
        "DataProcessing": "AWS's Step Functions data science SDK 2.3 sends it (TransformStep, input_filter)",
        "ExperimentConfig": "AWS's Step Functions data science SDK 2.3 sends it",
        "ModelClientConfig": "AWS CDK's SageMakerCreateTransformJob task sends it",
    },
    "StartJobRun": {
        "ExecutionClass": "AWS CDK's GlueStartJobRun task sends it",
        "MaxCapacity": "AWS CDK's GlueStartJobRun task sends it",
        "NumberOfWorkers": "AWS CDK's GlueStartJobRun task sends it",
        "WorkerType": "AWS CDK's GlueStartJobRun task sends it",
    },
    "CreateEndpointConfig": {"DataCaptureConfig": "AWS's Step Functions data science SDK 2.3 sends it"},
}

BY_SDK = frozenset(("UpdateEndpoint",))
"""Operations with an optimized integration that the state machine sends through the aws-sdk one, which takes
every field: DeploymentConfig is not in the list above."""


def check(operation: str, request: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Top-level fields that the operation's integration does not take; nothing for operations without one."""
    if operation not in DOCUMENTED:
        return ()
    taken = DOCUMENTED[operation] | SHOWN.get(operation, {}).keys()
    task = operation[0].lower() + operation[1:]
    return tuple(
        Problem(
            f"{operation}.{field}",
            f"Step Functions' {task} integration does not take {field}",
            f"leave it out; it takes {', '.join(sorted(taken))} (AWS, {DATE})",
        )
        for field in request
        if field not in taken
    )
