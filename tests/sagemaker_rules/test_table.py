"""Every rule: a request that breaks it alone, and the local service, which refuses it with its message."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sagemaker_local.api.protocol import ApiError
from sagemaker_local.service import SageMaker
from sagemaker_local.settings import Settings
from sagemaker_rules.table import RULES, violations
from stagewright.catalog.request_contract import check

ROLE = "arn:aws:iam::123456789012:role/jobs"
S3 = {"S3DataType": "S3Prefix", "S3Uri": "s3://b/x"}
CHANNEL = {"ChannelName": "train", "DataSource": {"S3DataSource": S3}}
GROUPS = [{"InstanceType": "ml.m5.large", "InstanceCount": 1, "InstanceGroupName": "one"}]
METRIC = {"Name": "mae", "Regex": "MAE: ([0-9.]+)"}
DEFINITION = {
    "RoleArn": ROLE,
    "AlgorithmSpecification": {
        "TrainingImage": "i/x:1",
        "TrainingInputMode": "File",
        "MetricDefinitions": [METRIC],
    },
    "InputDataConfig": [CHANNEL],
    "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
}
INTEGER = {"Name": "depth", "MinValue": "1", "MaxValue": "9"}
CATEGORICAL = {"Name": "kernel", "Values": ["a", "b"]}
INPUT = {"InputName": "in", "S3Input": {**S3, "LocalPath": "/opt/ml/processing/input", "S3InputMode": "File"}}
OUTPUT = {
    "OutputName": "out",
    "S3Output": {"S3Uri": "s3://b/o", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"},
}
VARIANT = {
    "VariantName": "a",
    "ModelName": "m",
    "InstanceType": "ml.m5.large",
    "InitialInstanceCount": 1,
}
REQUESTS: dict[str, dict[str, Any]] = {
    "CreateTrainingJob": {"TrainingJobName": "job", **DEFINITION},
    "CreateHyperParameterTuningJob": {
        "HyperParameterTuningJobName": "job",
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "mae"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 8, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {
                "IntegerParameterRanges": [INTEGER],
                "CategoricalParameterRanges": [CATEGORICAL],
            },
        },
        "TrainingJobDefinition": {"StaticHyperParameters": {"rate": "1"}, **DEFINITION},
    },
    "CreateProcessingJob": {
        "ProcessingJobName": "job",
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": "i/x:1", "ContainerEntrypoint": ["true"]},
        "ProcessingInputs": [INPUT],
        "ProcessingOutputConfig": {"Outputs": [OUTPUT]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
        },
    },
    "CreateTransformJob": {
        "TransformJobName": "job",
        "ModelName": "m",
        "MaxPayloadInMB": 10,
        "MaxConcurrentTransforms": 10,
        "BatchStrategy": "MultiRecord",
        "TransformInput": {
            "DataSource": {"S3DataSource": S3},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": "s3://b/out", "AssembleWith": "Line", "Accept": "text/csv"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        "DataProcessing": {"JoinSource": "Input"},
    },
    "CreateModel": {"ModelName": "m", "ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": "i/x:1"}},
    "CreateEndpointConfig": {"EndpointConfigName": "c", "ProductionVariants": [VARIANT]},
    "CreateModelPackage": {"ModelPackageGroupName": "prices"},
}
TRAINING, TUNING, PROCESSING, TRANSFORM, MODEL, CONFIG, PACKAGE = REQUESTS
SPOT = {"EnableManagedSpotTraining": True}
RANGES = "HyperParameterTuningJobConfig.ParameterRanges"
LIMITS = "HyperParameterTuningJobConfig.ResourceLimits"
GONE = object()
NAMED = {"DefinitionName": "one", "TuningObjective": {"Type": "Minimize", "MetricName": "mae"}, **DEFINITION}
CONTINUOUS = {"Name": "rate2", "MinValue": "0", "MaxValue": "1"}

CASES: dict[str, tuple[str, Mapping[str, Any], str]] = {
    "spot-needs-a-wait": (TRAINING, SPOT, "It must be present"),
    "spot-wait-covers-the-run": (
        TRAINING,
        SPOT | {"StoppingCondition.MaxWaitTimeInSeconds": 3599},
        "MaxWaitTimeInSeconds, 3599, must be equal to or greater than MaxRuntimeInSeconds, 3600",
    ),
    "wait-needs-spot": (
        TRAINING,
        {"StoppingCondition.MaxWaitTimeInSeconds": 7200},
        "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true",
    ),
    "runtime-at-most-28-days": (
        TRAINING,
        {"StoppingCondition.MaxRuntimeInSeconds": 2_419_201},
        "2419201 is more than 28 days",
    ),
    "warm-pool-without-spot": (
        TRAINING,
        SPOT
        | {
            "StoppingCondition.MaxWaitTimeInSeconds": 3600,
            "ResourceConfig.KeepAlivePeriodInSeconds": 60,
        },
        "KeepAlivePeriodInSeconds is not supported when",
    ),
    "warm-pool-without-groups": (
        TRAINING,
        {"ResourceConfig": {"InstanceGroups": GROUPS, "VolumeSizeInGB": 1, "KeepAlivePeriodInSeconds": 60}},
        "KeepAlivePeriodInSeconds is not supported with InstanceGroups",
    ),
    "groups-or-instance-type": (
        TRAINING,
        {"ResourceConfig.InstanceGroups": GROUPS, "ResourceConfig.InstanceCount": GONE},
        "InstanceType cannot be used with InstanceGroups",
    ),
    "instances-required": (
        TRAINING,
        {"ResourceConfig.InstanceCount": GONE},
        "ResourceConfig requires InstanceCount",
    ),
    "no-volume-key-for-local-storage": (
        TRAINING,
        {"ResourceConfig.InstanceType": "ml.g5.xlarge", "ResourceConfig.VolumeKmsKeyId": "key"},
        "VolumeKmsKeyId is not supported for ml.g5.xlarge",
    ),
    "image-or-algorithm": (
        TRAINING,
        {"AlgorithmSpecification.AlgorithmName": "mine"},
        "AlgorithmName and TrainingImage are mutually exclusive",
    ),
    "image-required": (
        TRAINING,
        {"AlgorithmSpecification.TrainingImage": GONE},
        "AlgorithmSpecification requires TrainingImage",
    ),
    "augmented-manifest-needs-pipe": (
        TRAINING,
        {"InputDataConfig.0.DataSource.S3DataSource.S3DataType": "AugmentedManifestFile"},
        "AugmentedManifestFile can only be used with the input mode Pipe: channel train",
    ),
    "values-unique": (
        TUNING,
        {f"{RANGES}.CategoricalParameterRanges.0.Values": ["a", "a"]},
        "The values of the categorical hyperparameter kernel must be unique: a",
    ),
    "searched-hyperparameters": (
        TUNING,
        {
            f"{RANGES}.IntegerParameterRanges": [INTEGER | {"Name": f"i{n}"} for n in range(16)],
            f"{RANGES}.CategoricalParameterRanges": [CATEGORICAL | {"Name": f"c{n}"} for n in range(15)],
        },
        "A tuning job can search at most 30 hyperparameters, of all ranges together; this has 31",
    ),
    "range-not-empty": (
        TUNING,
        {f"{RANGES}.IntegerParameterRanges.0.MaxValue": "1", f"{LIMITS}.MaxNumberOfTrainingJobs": 2},
        "The MaxValue of the hyperparameter depth, 1, must be greater than its MinValue, 1",
    ),
    "fixed-or-tuned": (
        TUNING,
        {"TrainingJobDefinition.StaticHyperParameters": {"depth": "1"}},
        "Hyperparameter depth is both static and tuned",
    ),
    "logarithmic-above-zero": (
        TUNING,
        {
            f"{RANGES}.IntegerParameterRanges.0.MinValue": "0",
            f"{RANGES}.IntegerParameterRanges.0.ScalingType": "Logarithmic",
        },
        "only for ranges that have only values greater than 0: depth",
    ),
    "reverse-logarithmic-below-one": (
        TUNING,
        {f"{RANGES}.ContinuousParameterRanges": [{**CONTINUOUS, "ScalingType": "ReverseLogarithmic"}]},
        "Reverse logarithmic scaling works only for continuous ranges within 0<=x<1.0: rate2",
    ),
    "grid-is-categorical": (
        TUNING,
        {"HyperParameterTuningJobConfig.Strategy": "Grid"},
        "Strategy Grid takes categorical ranges only; depth is not categorical",
    ),
    "hyperband-stops-itself": (
        TUNING,
        {
            "HyperParameterTuningJobConfig.Strategy": "Hyperband",
            "HyperParameterTuningJobConfig.TrainingJobEarlyStoppingType": "Auto",
        },
        "TrainingJobEarlyStoppingType must be Off to use Hyperband",
    ),
    "jobs-or-runtime": (
        TUNING,
        {f"{LIMITS}.MaxNumberOfTrainingJobs": GONE},
        "ResourceLimits needs MaxNumberOfTrainingJobs or MaxRuntimeInSeconds",
    ),
    "enough-combinations": (
        TUNING,
        {f"{LIMITS}.MaxNumberOfTrainingJobs": 19},
        "for the provided ranges [18.0] must be equal or greater than the value of MaxNumberOfJobs, [19].",
    ),
    "objective-is-defined": (
        TUNING,
        {"HyperParameterTuningJobConfig.HyperParameterTuningJobObjective.MetricName": "rmse"},
        "A metric is required for this hyperparameter tuning job objective.",
    ),
    "one-definition-or-several": (
        TUNING,
        {"TrainingJobDefinitions": [NAMED]},
        "Either TrainingJobDefinition or TrainingJobDefinitions must be given, and not both",
    ),
    "definition-names-unique": (
        TUNING,
        {"TrainingJobDefinitions": [NAMED, NAMED], "TrainingJobDefinition": GONE},
        "Each of TrainingJobDefinitions needs a DefinitionName of its own",
    ),
    "names-of-inputs-and-outputs": (
        PROCESSING,
        {"ProcessingInputs.0.InputName": "out"},
        "Input and Output names must be globally unique: [out]",
    ),
    "folders-of-inputs-and-outputs": (
        PROCESSING,
        {"ProcessingInputs.0.S3Input.LocalPath": "/opt/ml/processing/output/"},
        "The LocalPath of each input and output must be unique: /opt/ml/processing/output",
    ),
    "input-folder": (
        PROCESSING,
        {"ProcessingInputs.0.S3Input.LocalPath": "/opt/ml/input"},
        "LocalPath must begin with /opt/ml/processing/: /opt/ml/input",
    ),
    "gzip-needs-pipe": (
        PROCESSING,
        {"ProcessingInputs.0.S3Input.S3CompressionType": "Gzip"},
        "Gzip can only be used when Pipe mode is specified as the S3InputMode: in",
    ),
    "one-source-of-an-input": (
        PROCESSING,
        {"ProcessingInputs.0": {"InputName": "in"}},
        "Input in needs either S3Input or DatasetDefinition",
    ),
    "no-processing-volume-key-for-local-storage": (
        PROCESSING,
        {
            "ProcessingResources.ClusterConfig.InstanceType": "ml.g4dn.xlarge",
            "ProcessingResources.ClusterConfig.VolumeKmsKeyId": "key",
        },
        "VolumeKmsKeyId is not supported for ml.g4dn.xlarge",
    ),
    "payload-size": (TRANSFORM, {"MaxPayloadInMB": 101}, "MaxPayloadInMB must not exceed 100; it is 101."),
    "payload-of-all-requests": (
        TRANSFORM,
        {"MaxConcurrentTransforms": 11},
        "MaxConcurrentTransforms * MaxPayloadInMB must not exceed 100; it is 11 * 10.",
    ),
    "batches-need-records": (
        TRANSFORM,
        {"TransformInput.SplitType": GONE, "DataProcessing": GONE, "TransformOutput.AssembleWith": GONE},
        "To enable the batch strategy, you must set the SplitType property",
    ),
    "joined-records-are-assembled": (
        TRANSFORM,
        {"TransformOutput.AssembleWith": GONE},
        "AssembleWith, None, must match SplitType, Line",
    ),
    "joined-records-have-one-type": (
        TRANSFORM,
        {"TransformOutput.Accept": "application/json"},
        "Accept, application/json, must match ContentType, text/csv",
    ),
    "filtered-records-are-split": (
        TRANSFORM,
        {
            "TransformInput.SplitType": "None",
            "TransformOutput.AssembleWith": "None",
            "BatchStrategy": GONE,
        },
        "DataProcessing of text/csv needs the SplitType Line",
    ),
    "no-transform-volume-key-for-local-storage": (
        TRANSFORM,
        {"TransformResources.InstanceType": "ml.g5.xlarge", "TransformResources.VolumeKmsKeyId": "key"},
        "VolumeKmsKeyId is not supported for ml.g5.xlarge",
    ),
    "primary-container-or-containers": (
        MODEL,
        {"Containers": [{"Image": "i/x:1"}]},
        "Specify either PrimaryContainer or Containers, not both.",
    ),
    "container-required": (
        MODEL,
        {"PrimaryContainer": GONE},
        "Specify PrimaryContainer or Containers.",
    ),
    "package-or-image": (
        MODEL,
        {"PrimaryContainer.ModelPackageName": "prices/1"},
        "Specify one of either Image and Model Data URL or ModelPackageName in container definition.",
    ),
    "variant-names-unique": (
        CONFIG,
        {"ProductionVariants": [VARIANT, VARIANT]},
        "The names of the production variants must be unique: a",
    ),
    "serverless-without-instances": (
        CONFIG,
        {
            "ProductionVariants.0.ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
            "ProductionVariants.0.InitialInstanceCount": GONE,
        },
        "InstanceType cannot be used with ServerlessConfig",
    ),
    "scaling-needs-components": (
        CONFIG,
        {"ProductionVariants.0.ManagedInstanceScaling": {"Status": "ENABLED"}},
        "ManagedInstanceScaling is only supported for inference component endpoints.",
    ),
    "no-endpoint-key-for-local-storage": (
        CONFIG,
        {"ProductionVariants.0.InstanceType": "ml.g5.xlarge", "KmsKeyId": "key"},
        "KmsKeyId is not supported for ml.g5.xlarge",
    ),
    "no-tags-of-a-version": (
        PACKAGE,
        {"Tags": [{"Key": "a", "Value": "1"}]},
        "Tags are not supported in Model Package versions. Please add them to the Model Package Group.",
    ),
    "tag-keys-unique": (
        MODEL,
        {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]},
        "Tag keys must be unique: a",
    ),
}


def changed(operation: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    request: Any = copy.deepcopy(REQUESTS[operation])
    for path, value in changes.items():
        *outer, last = path.split(".")
        part = request
        for name in outer:
            part = part[int(name)] if isinstance(part, list) else part.setdefault(name, {})
        if value is GONE:
            del part[last]
        else:
            part[int(last) if isinstance(part, list) else last] = value
    return request


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SageMaker]:
    root: Path = tmp_path_factory.mktemp("sagemaker")
    opened = SageMaker(Settings(root / "state", "http://127.0.0.1:9", "k", "s"), lambda _kind, _detail: None)
    yield opened
    opened.close()


def test_every_rule_has_a_case_a_message_and_a_source() -> None:
    assert [rule.name for rule in RULES] == list(dict.fromkeys(rule.name for rule in RULES))
    assert {rule.name for rule in RULES} == CASES.keys()
    assert all(rule.message and rule.source for rule in RULES)
    assert len(RULES) >= 20


@pytest.mark.parametrize("operation", REQUESTS)
def test_good_request_breaks_no_rule(operation: str) -> None:
    assert list(violations(operation, REQUESTS[operation])) == []
    assert check(operation, REQUESTS[operation]) == ()


@pytest.mark.parametrize("name", CASES)
def test_request_breaks_its_rule_and_only_that(name: str) -> None:
    operation, changes, message = CASES[name]
    found = list(violations(operation, changed(operation, changes)))
    assert {violation.rule.name for violation in found} == {name}
    assert message in found[0].message


@pytest.mark.parametrize("name", CASES)
def test_botocore_has_no_such_rule(name: str) -> None:
    operation, changes, _ = CASES[name]
    assert check(operation, changed(operation, changes)) == ()


@pytest.mark.parametrize("name", CASES)
def test_local_service_refuses_with_the_same_message(service: SageMaker, name: str) -> None:
    operation, changes, message = CASES[name]
    with pytest.raises(ApiError) as refused:
        service.call(operation, changed(operation, changes))
    assert refused.value.code == "ValidationException"
    assert message in refused.value.message


@pytest.mark.parametrize("definitions", ["TrainingJobDefinition", "TrainingJobDefinitions"])
def test_training_jobs_of_a_tuning_job_have_the_rules_of_training_jobs(definitions: str) -> None:
    spot = {**NAMED, **SPOT}
    changes = {definitions: spot if definitions.endswith("n") else [spot]}
    if definitions.endswith("s"):
        changes["TrainingJobDefinition"] = GONE
    (found,) = violations(TUNING, changed(TUNING, changes))
    where = "TrainingJobDefinition." if definitions.endswith("n") else "TrainingJobDefinitions[0]."
    assert (found.rule.name, found.path) == (
        "spot-needs-a-wait",
        f"{where}StoppingCondition.MaxWaitTimeInSeconds",
    )


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({f"{RANGES}.CategoricalParameterRanges.0.Values": [str(n) for n in range(30)]}, ""),
        (
            {
                f"{RANGES}.CategoricalParameterRanges": [
                    CATEGORICAL | {"Name": name, "Values": [str(n) for n in range(16)]} for name in "ab"
                ]
            },
            "",
        ),
        (
            {
                "TrainingJobDefinition.HyperParameterRanges": {
                    "IntegerParameterRanges": [INTEGER | {"Name": f"i{n}"} for n in range(16)],
                    "ContinuousParameterRanges": [CONTINUOUS | {"Name": f"c{n}"} for n in range(15)],
                }
            },
            "TrainingJobDefinition.HyperParameterRanges",
        ),
    ],
)
def test_ranges_count_and_their_values_do_not(changes: Mapping[str, Any], path: str) -> None:
    found = violations(TUNING, changed(TUNING, changes))
    assert [violation.path for violation in found] == ([path] if path else [])


def test_package_without_a_group_takes_tags() -> None:
    request = {"ModelPackageName": "prices", "Tags": [{"Key": "a", "Value": "1"}]}
    assert list(violations(PACKAGE, request)) == []


def test_values_of_the_run_are_not_judged() -> None:
    request = changed(TRAINING, SPOT | {"StoppingCondition.MaxWaitTimeInSeconds": "<<tune.metrics.wait>>"})
    assert list(violations(TRAINING, request)) == []


@pytest.mark.parametrize("value", [None, 3, "text", [], [1], {}, True])
@pytest.mark.parametrize("operation", REQUESTS)
def test_values_of_other_types_raise_nothing(operation: str, value: Any) -> None:
    for name in REQUESTS[operation]:
        list(violations(operation, {**REQUESTS[operation], name: value}))
