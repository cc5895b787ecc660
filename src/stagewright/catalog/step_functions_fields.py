"""Fields that Step Functions' optimized integrations accept.

An integration rejects any other field with States.Runtime. No Catch handles that error, so the run would end
without a record. The planner therefore rejects such a field first.

Sources:
    DOCUMENTED: "Manage SageMaker with Step Functions" in the Step Functions developer guide, edition of
        2021-10-15. It is the last edition in AWS's public repository of that guide, and listed the supported
        parameters of each API. Today's page names only the APIs. For Glue, the guide has seven links without
        names; they are assumed to be the oldest fields of StartJobRun.
    SHOWN: Fields that AWS's own tools have sent since then, or that AWS's maintainers have confirmed, each
        with its evidence.
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
"""Operations that have an optimized integration, but that the state machine calls through the aws-sdk one.

That one accepts every field. The optimized UpdateEndpoint does not accept DeploymentConfig."""


def check(operation: str, request: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Return a problem for each top-level field that the operation's optimized integration does not accept.

    An operation without an optimized integration has no problems.
    """
    if operation not in DOCUMENTED:
        return ()
    accepted = DOCUMENTED[operation] | SHOWN.get(operation, {}).keys()
    task = operation[0].lower() + operation[1:]
    return tuple(
        Problem(
            f"{operation}.{field}",
            f"Step Functions' {task} integration does not accept {field}",
            f"leave it out; it accepts {', '.join(sorted(accepted))} (AWS, {DATE})",
        )
        for field in request
        if field not in accepted
    )
