"""What the statements are about: ARNs, and the tag of this installation as a condition."""

from __future__ import annotations

from stagewright.installation.render import TEMPLATE

BUCKET = f"arn:{TEMPLATE.partition}:s3:::{TEMPLATE.bucket}"
RUNS = TEMPLATE.arn("dynamodb", f"table/{TEMPLATE.runs_table}")
DOCUMENTS = TEMPLATE.arn("dynamodb", f"table/{TEMPLATE.documents_table}")
EXECUTIONS = TEMPLATE.arn("states", f"execution:{TEMPLATE.name('workflow')}:*")
ALARMS = (TEMPLATE.arn("cloudwatch", f"alarm:{TEMPLATE.name('*')}"),)
JOBS = ("processing-job", "training-job", "hyper-parameter-tuning-job", "transform-job")

OURS = {"StringEquals": {"aws:ResourceTag/stagewright:environment": TEMPLATE.environment}}
TAGGED = {"StringEquals": {"aws:RequestTag/stagewright:environment": TEMPLATE.environment}}


def of_sagemaker(*kinds: str) -> list[str]:
    return [TEMPLATE.arn("sagemaker", f"{kind}/*") for kind in kinds]
