"""The requests of register stages: CreateModelPackageGroup and CreateModelPackage.

The entry `Copy` says where the state machine copies the model to.
"""

from __future__ import annotations

from stagewright.naming import MODELS
from stagewright.stages.base.request import BuildContext, Requests, as_tags, without_empty
from stagewright.stages.base.stage_request import StageRequest
from stagewright.stages.register.schema import Register

TIMEOUT = 900
APPROVALS = {"manual": "PendingManualApproval", "approved": "Approved", "rejected": "Rejected"}


def build(stage: Register, context: BuildContext) -> Requests:
    """Return the requests for a model version. It has no tags: AWS uses those of the group and rejects others
    (CreateModelPackage)."""
    group = stage.package_group(context.pipeline)
    container = {
        "Image": context.image,
        "ModelDataUrl": stage.model,
        "Environment": context.serving_environment(stage.entry_point),
    }
    package = {
        "ModelPackageGroupName": group,
        "ModelPackageDescription": f"{context.pipeline}, {context.run}",
        "InferenceSpecification": {
            "Containers": [without_empty(container)],
            "SupportedContentTypes": list(stage.content_types),
            "SupportedResponseMIMETypes": list(stage.response_types),
            "SupportedRealtimeInferenceInstanceTypes": list(stage.instance_types),
        },
        "ModelApprovalStatus": APPROVALS[stage.approval],
        "CustomerMetadataProperties": dict(context.lineage),
    }
    if stage.metrics:
        statistics = {"ContentType": "application/json", "S3Uri": stage.metrics}
        package["ModelMetrics"] = {"ModelQuality": {"Statistics": statistics}}
    return {
        "CreateModelPackageGroup": {"ModelPackageGroupName": group, "Tags": as_tags(context.shared_tags())},
        "CreateModelPackage": package,
        "Copy": {
            "Bucket": context.installation.bucket,
            "Key": f"{MODELS}{context.pipeline}/{context.job}/model.tar.gz",
        },
    }


REQUEST = StageRequest(
    build,
    lambda _stage, _requests: TIMEOUT,
    history_events=29,
    operation="CreateModelPackage",
    machine_inputs=("Copy",),
    image="inference",
    is_pointer=True,
    polls=True,
    field_names=(
        (r"CreateModelPackage\.ModelApprovalStatus", "approval"),
        (r"CreateModelPackage(?:Group)?\.ModelPackageGroupName", "group"),
        (r".*\.SupportedContentTypes\.\d+", "content_types"),
        (r".*\.SupportedResponseMIMETypes\.\d+", "response_types"),
    ),
)
