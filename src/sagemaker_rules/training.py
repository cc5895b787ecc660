"""Rules for training jobs, and for the training jobs of a tuning job."""

from __future__ import annotations

from collections.abc import Iterator

from sagemaker_rules.instances import has_local_storage
from sagemaker_rules.rule import Breach, Request, Rule, at, breach, items, number

RUNTIME, WAIT = "StoppingCondition.MaxRuntimeInSeconds", "StoppingCondition.MaxWaitTimeInSeconds"
LONGEST = 2_419_200
DEFAULT_RUNTIME = 86_400
KEEP_ALIVE = "ResourceConfig.KeepAlivePeriodInSeconds"
SPOT = "EnableManagedSpotTraining"
API = "SageMaker API reference, {}"


def _wait_required(job: Request) -> Iterator[Breach]:
    if at(job, SPOT) is True and at(job, WAIT) is None:
        yield breach(WAIT)


def _wait_too_short(job: Request) -> Iterator[Breach]:
    wait, runtime = number(job, WAIT), number(job, RUNTIME) or DEFAULT_RUNTIME
    if at(job, SPOT) is True and wait is not None and wait < runtime:
        yield breach(WAIT, wait=wait, runtime=runtime)


def _wait_without_spot(job: Request) -> Iterator[Breach]:
    if at(job, WAIT) is not None and at(job, SPOT) is not True:
        yield breach(WAIT)


def _runtime(job: Request) -> Iterator[Breach]:
    runtime = number(job, RUNTIME)
    if runtime is not None and runtime > LONGEST:
        yield breach(RUNTIME, runtime=runtime)


def _pool_of_spot(job: Request) -> Iterator[Breach]:
    if number(job, KEEP_ALIVE) and at(job, SPOT) is True:
        yield breach(KEEP_ALIVE)


def _pool_of_groups(job: Request) -> Iterator[Breach]:
    if number(job, KEEP_ALIVE) and at(job, "ResourceConfig.InstanceGroups"):
        yield breach(KEEP_ALIVE)


def _groups_and_type(job: Request) -> Iterator[Breach]:
    for field in ("InstanceType", "InstanceCount"):
        if at(job, "ResourceConfig.InstanceGroups") and at(job, f"ResourceConfig.{field}") is not None:
            yield breach(f"ResourceConfig.{field}", field=field)


def _no_instances(job: Request) -> Iterator[Breach]:
    resources = at(job, "ResourceConfig")
    if resources is None or any(at(resources, name) for name in ("InstanceGroups", "InstancePreferences")):
        return
    for field in ("InstanceType", "InstanceCount"):
        if at(resources, field) is None:
            yield breach(f"ResourceConfig.{field}", field=field)


def _volume_key(job: Request) -> Iterator[Breach]:
    for resources in ("ResourceConfig", "HyperParameterTuningResourceConfig"):
        single = {"InstanceType": at(job, f"{resources}.InstanceType")}
        groups = [*items(job, f"{resources}.InstanceGroups"), *items(job, f"{resources}.InstanceConfigs")]
        types = [group.get("InstanceType") for group in (single, *groups)]
        local = [type_ for type_ in types if isinstance(type_, str) and has_local_storage(type_)]
        if at(job, f"{resources}.VolumeKmsKeyId") and local:
            yield breach(f"{resources}.VolumeKmsKeyId", type=local[0])


def _image_and_algorithm(job: Request) -> Iterator[Breach]:
    if at(job, "AlgorithmSpecification.AlgorithmName") and at(job, "AlgorithmSpecification.TrainingImage"):
        yield breach("AlgorithmSpecification.AlgorithmName")


def _no_image(job: Request) -> Iterator[Breach]:
    specification = at(job, "AlgorithmSpecification")
    if specification is not None and not any(
        at(specification, name) for name in ("AlgorithmName", "TrainingImage")
    ):
        yield breach("AlgorithmSpecification.TrainingImage")


def _augmented_manifest(job: Request) -> Iterator[Breach]:
    default = at(job, "AlgorithmSpecification.TrainingInputMode")
    for index, channel in enumerate(items(job, "InputDataConfig")):
        path = "DataSource.S3DataSource.S3DataType"
        if at(channel, path) == "AugmentedManifestFile" and channel.get("InputMode", default) != "Pipe":
            yield breach(f"InputDataConfig[{index}].{path}", channel=channel.get("ChannelName"))


POOLS = 'SageMaker developer guide, "SageMaker AI Managed Warm Pools"'
RULES = (
    Rule(
        "spot-needs-a-wait",
        "training",
        "Invalid MaxWaitTimeInSeconds. It must be present and at least MaxRuntimeInSeconds when"
        " EnableManagedSpotTraining is set to true",
        API.format("StoppingCondition; SageMaker developer guide, Managed Spot Training"),
        _wait_required,
    ),
    Rule(
        "spot-wait-covers-the-run",
        "training",
        "MaxWaitTimeInSeconds, {wait}, must be equal to or greater than MaxRuntimeInSeconds, {runtime}",
        API.format("StoppingCondition, MaxWaitTimeInSeconds"),
        _wait_too_short,
    ),
    Rule(
        "wait-needs-spot",
        "training",
        "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true",
        "https://github.com/Kenza-AI/sagify/issues/111",
        _wait_without_spot,
        quoted=True,
    ),
    Rule(
        "runtime-at-most-28-days",
        "training",
        "Invalid MaxRuntimeInSeconds. {runtime} is more than 28 days (2419200 seconds)",
        API.format("StoppingCondition, MaxRuntimeInSeconds"),
        _runtime,
    ),
    Rule(
        "warm-pool-without-spot",
        "training",
        "KeepAlivePeriodInSeconds is not supported when EnableManagedSpotTraining is set to true",
        POOLS,
        _pool_of_spot,
    ),
    Rule(
        "warm-pool-without-groups",
        "training",
        "KeepAlivePeriodInSeconds is not supported with InstanceGroups",
        POOLS,
        _pool_of_groups,
    ),
    Rule(
        "groups-or-instance-type",
        "training",
        "{field} cannot be used with InstanceGroups",
        'SageMaker developer guide, "Train Using a Heterogeneous Cluster"',
        _groups_and_type,
    ),
    Rule(
        "instances-required",
        "training",
        "ResourceConfig requires {field}, unless it has InstanceGroups",
        API.format("ResourceConfig"),
        _no_instances,
    ),
    Rule(
        "no-volume-key-for-local-storage",
        "training",
        "VolumeKmsKeyId is not supported for {type}, whose local storage is encrypted by a hardware module",
        API.format("ResourceConfig, VolumeKmsKeyId"),
        _volume_key,
    ),
    Rule(
        "image-or-algorithm",
        "training",
        "AlgorithmName and TrainingImage are mutually exclusive",
        API.format("AlgorithmSpecification, AlgorithmName"),
        _image_and_algorithm,
    ),
    Rule(
        "image-required",
        "training",
        "AlgorithmSpecification requires TrainingImage or AlgorithmName",
        API.format("AlgorithmSpecification, TrainingImage"),
        _no_image,
    ),
    Rule(
        "augmented-manifest-needs-pipe",
        "training",
        "AugmentedManifestFile can only be used with the input mode Pipe: channel {channel}",
        API.format("S3DataSource, S3DataType"),
        _augmented_manifest,
    ),
)
