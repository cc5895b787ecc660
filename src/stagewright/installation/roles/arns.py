"""What the statements are about: ARNs, and the tag of this installation as a condition."""

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

OURS = {"StringEquals": {f"aws:ResourceTag/{OWNER_TAG}": TEMPLATE.id}}
TAGGED = {"StringEquals": {f"aws:RequestTag/{OWNER_TAG}": TEMPLATE.id}}
NOBODY_ELSES = {
    "StringEqualsIfExists": {f"aws:{what}/{OWNER_TAG}": TEMPLATE.id for what in ("ResourceTag", "RequestTag")}
}
"""Neither belongs to another installation already, nor is given to one."""


def of_sagemaker(*kinds: str) -> list[str]:
    return [TEMPLATE.arn("sagemaker", f"{kind}/*") for kind in kinds]
