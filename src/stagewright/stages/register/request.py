"""CreateModelPackageGroup and CreateModelPackage."""

from __future__ import annotations

from stagewright.stages.base.kind import Kind
from stagewright.stages.base.request import Requests, Setting, as_tags, without_empty
from stagewright.stages.register.schema import Register

TIMEOUT = 900
APPROVALS = {"manual": "PendingManualApproval", "approved": "Approved", "rejected": "Rejected"}


def requests(stage: Register, setting: Setting) -> Requests:
    """A version of a model. It has no tags of its own: AWS refuses them, and uses the group's
    (CreateModelPackage)."""
    group = stage.group or setting.pipeline
    container = {
        "Image": setting.image,
        "ModelDataUrl": stage.model,
        "Environment": setting.serving_environment(stage.entry_point),
    }
    package = {
        "ModelPackageGroupName": group,
        "ModelPackageDescription": f"{setting.pipeline}, {setting.run}",
        "InferenceSpecification": {
            "Containers": [without_empty(container)],
            "SupportedContentTypes": list(stage.content_types),
            "SupportedResponseMIMETypes": list(stage.response_types),
            "SupportedRealtimeInferenceInstanceTypes": list(stage.instance_types),
        },
        "ModelApprovalStatus": APPROVALS[stage.approval],
        "CustomerMetadataProperties": dict(setting.lineage),
    }
    if stage.metrics:
        statistics = {"ContentType": "application/json", "S3Uri": stage.metrics}
        package["ModelMetrics"] = {"ModelQuality": {"Statistics": statistics}}
    return {
        "CreateModelPackageGroup": {"ModelPackageGroupName": group, "Tags": as_tags(setting.shared_tags())},
        "CreateModelPackage": package,
    }


KIND = Kind(
    requests, lambda _stage, _requests: TIMEOUT, main="CreateModelPackage", image="inference", points=True
)
