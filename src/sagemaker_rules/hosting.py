"""Rules for models, model packages and endpoint configurations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sagemaker_rules.instances import has_local_storage
from sagemaker_rules.rule import Breach, Request, Rule, at, breach, items, repeated

API = "SageMaker API reference, {}"


def _containers(model: Request) -> Iterator[tuple[str, Request]]:
    if isinstance(primary := model.get("PrimaryContainer"), Mapping):
        yield "PrimaryContainer", primary
    for index, container in enumerate(items(model, "Containers")):
        yield f"Containers[{index}]", container


def _one_or_several(model: Request) -> Iterator[Breach]:
    if model.get("PrimaryContainer") and model.get("Containers"):
        yield breach("Containers")


def _no_container(model: Request) -> Iterator[Breach]:
    if "PrimaryContainer" not in model and not model.get("Containers"):
        yield breach("PrimaryContainer")


def _package_or_image(model: Request) -> Iterator[Breach]:
    for path, container in _containers(model):
        if container.get("ModelPackageName") and (container.get("Image") or container.get("ModelDataUrl")):
            yield breach(f"{path}.ModelPackageName")


def _tagged_version(package: Request) -> Iterator[Breach]:
    if package.get("ModelPackageGroupName") and package.get("Tags"):
        yield breach("Tags")


def _variant_names(config: Request) -> Iterator[Breach]:
    for name in repeated(variant.get("VariantName") for variant in items(config, "ProductionVariants")):
        yield breach("ProductionVariants", name=name)


def _serverless(config: Request) -> Iterator[Breach]:
    for index, variant in enumerate(items(config, "ProductionVariants")):
        for field in ("InstanceType", "InitialInstanceCount", "VolumeSizeInGB", "AcceleratorType"):
            if "ServerlessConfig" in variant and field in variant:
                yield breach(f"ProductionVariants[{index}].{field}", field=field)


def _scaling(config: Request) -> Iterator[Breach]:
    for index, variant in enumerate(items(config, "ProductionVariants")):
        if "ManagedInstanceScaling" in variant and "ModelName" in variant:
            yield breach(f"ProductionVariants[{index}].ManagedInstanceScaling")


def _volume_key(config: Request) -> Iterator[Breach]:
    for variant in items(config, "ProductionVariants"):
        instance_type = at(variant, "InstanceType")
        if config.get("KmsKeyId") and isinstance(instance_type, str) and has_local_storage(instance_type):
            yield breach("KmsKeyId", type=instance_type)


RULES = (
    Rule(
        "primary-container-or-containers",
        "model",
        "Specify either PrimaryContainer or Containers, not both.",
        API.format("CreateModel, Containers"),
        _one_or_several,
    ),
    Rule(
        "container-required",
        "model",
        "Specify PrimaryContainer or Containers.",
        API.format("CreateModel"),
        _no_container,
    ),
    Rule(
        "package-or-image",
        "model",
        "Specify one of either Image and Model Data URL or ModelPackageName in container definition.",
        API.format("ContainerDefinition, ModelPackageName"),
        _package_or_image,
    ),
    Rule(
        "no-tags-of-a-version",
        "model package",
        "Tags are not supported in Model Package versions. Please add them to the Model Package Group.",
        "https://github.com/aws/aws-cdk/issues/33699",
        _tagged_version,
        quoted=True,
    ),
    Rule(
        "variant-names-unique",
        "endpoint configuration",
        "The names of the production variants must be unique: {name}",
        API.format("ProductionVariant, VariantName"),
        _variant_names,
    ),
    Rule(
        "serverless-without-instances",
        "endpoint configuration",
        "{field} cannot be used with ServerlessConfig",
        API.format("ProductionVariant, ServerlessConfig"),
        _serverless,
    ),
    Rule(
        "scaling-needs-components",
        "endpoint configuration",
        "ManagedInstanceScaling is only supported for inference component endpoints.",
        "https://github.com/hashicorp/terraform-provider-aws/pull/45926",
        _scaling,
        quoted=True,
    ),
    Rule(
        "no-endpoint-key-for-local-storage",
        "endpoint configuration",
        "KmsKeyId is not supported for {type}, whose local storage is encrypted by a hardware module",
        API.format("CreateEndpointConfig, KmsKeyId"),
        _volume_key,
    ),
)
