"""CreateModel, CreateEndpointConfig, and CreateEndpoint or UpdateEndpoint."""

from __future__ import annotations

from typing import Any

from stagewright.plan.requests.setting import Requests, Setting, as_tags, without_empty
from stagewright.spec.kinds import Endpoint

VARIANT = "AllTraffic"


def requests(stage: Endpoint, setting: Setting, package: bool) -> Requests:
    """An endpoint with one variant. Its model and configuration are new with each run; its own name is
    stable.

    `package`: `stage.model` is the ARN of a model package; otherwise it is an artefact.
    """
    name = stage.name or f"{setting.pipeline}-{setting.installation.environment}"
    tags = setting.tag_list()
    variant = {
        "VariantName": VARIANT,
        "ModelName": setting.job,
        "InitialInstanceCount": stage.instance_count,
        "InstanceType": setting.instance_type,
        "InitialVariantWeight": 1.0,
    }
    served = {"EndpointName": name, "EndpointConfigName": setting.job}
    return {
        "CreateModel": {
            "ModelName": setting.job,
            "PrimaryContainer": _container(stage, setting, package),
            "ExecutionRoleArn": setting.installation.job_role_arn,
            "Tags": tags,
        },
        "CreateEndpointConfig": {
            "EndpointConfigName": setting.job,
            "ProductionVariants": [variant],
            "Tags": tags,
        },
        "CreateEndpoint": {**served, "Tags": as_tags(setting.shared_tags())},
        "UpdateEndpoint": served,
    }


def _container(stage: Endpoint, setting: Setting, package: bool) -> dict[str, Any]:
    environment = setting.serving_environment(stage.entry_point)
    if package:
        return without_empty({"ModelPackageName": stage.model, "Environment": environment})
    return without_empty({"Image": setting.image, "ModelDataUrl": stage.model, "Environment": environment})
