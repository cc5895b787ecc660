"""ARNs and tag conditions that the statements share."""

from __future__ import annotations

from stagewright.installation.glue_jobs import GLUE_JOBS
from stagewright.installation.template import TEMPLATE
from stagewright.naming import OWNER_TAG

BUCKET = f"arn:{TEMPLATE.partition}:s3:::{TEMPLATE.bucket}"
RUNS = TEMPLATE.arn("dynamodb", f"table/{TEMPLATE.runs_table}")
DOCUMENTS = TEMPLATE.arn("dynamodb", f"table/{TEMPLATE.documents_table}")
EXECUTIONS = TEMPLATE.arn("states", f"execution:{TEMPLATE.name('workflow')}:*")
ALARMS = (TEMPLATE.arn("cloudwatch", f"alarm:{TEMPLATE.alarm_name('*')}"),)
ANY_GLUE_JOB = (TEMPLATE.arn("glue", "job/*"),)
GLUE_JOB_ARNS = tuple(job.arn for job in GLUE_JOBS)
JOBS = ("processing-job", "training-job", "hyper-parameter-tuning-job", "transform-job")

RESOURCE_TAGGED = {"StringEquals": {f"aws:ResourceTag/{OWNER_TAG}": TEMPLATE.id}}
"""The resource carries the tag of this installation."""
REQUEST_TAGGED = {"StringEquals": {f"aws:RequestTag/{OWNER_TAG}": TEMPLATE.id}}
"""The request sets the tag of this installation."""
REQUEST_NOT_TAGGED_FOR_ANOTHER = {"StringEqualsIfExists": {f"aws:RequestTag/{OWNER_TAG}": TEMPLATE.id}}
"""The request does not set the tag of another installation."""


def sagemaker_arns(*types: str) -> list[str]:
    return [TEMPLATE.arn("sagemaker", f"{resource_type}/*") for resource_type in types]
