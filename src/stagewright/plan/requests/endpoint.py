"""CreateModel, CreateEndpointConfig, and CreateEndpoint or UpdateEndpoint."""

from __future__ import annotations

from stagewright.plan.requests import model
from stagewright.plan.requests.kind import Kind
from stagewright.plan.requests.setting import Requests, Setting, as_tags
from stagewright.spec.kinds import Endpoint

VARIANT = "AllTraffic"


def requests(stage: Endpoint, setting: Setting) -> Requests:
    """An endpoint with one variant. Its model and configuration are new with each run; its own name is
    stable."""
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
        "CreateModel": model.request(stage.model, stage.entry_point, setting),
        "CreateEndpointConfig": {
            "EndpointConfigName": setting.job,
            "ProductionVariants": [variant],
            "Tags": tags,
        },
        "CreateEndpoint": {**served, "Tags": as_tags(setting.shared_tags())},
        "UpdateEndpoint": served,
    }


KIND = Kind(requests, lambda stage, _requests: stage.max_wait_seconds, image="inference", points=True)
