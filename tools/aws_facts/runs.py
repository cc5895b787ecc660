"""What the smoke runs leave: their tasks and jobs by name."""

from __future__ import annotations

from tools.aws_facts.step import NotTriedError, Target

GROUP = "smoke-every"
JOBS = {
    "training": ("TrainingJobName", "sagemaker:createTrainingJob.sync"),
    "processing": ("ProcessingJobName", "sagemaker:createProcessingJob.sync"),
    "transform": ("TransformJobName", "sagemaker:createTransformJob.sync"),
    "hyper_parameter_tuning": ("HyperParameterTuningJobName", "sagemaker:createHyperParameterTuningJob.sync"),
}
CREATES = (*(task for _, task in JOBS.values()), "sagemaker:createModel", "sagemaker:createEndpointConfig")
ENDPOINT = "sagemaker:createEndpoint"
GLUE = "glue:startJobRun.sync"
MISSING = "smoke-missing"


def job(target: Target, kind: str) -> str:
    name, task = JOBS[kind]
    record = target.record("tasks", task)
    return str(record.get(name) or record[f"{name.removesuffix('Name')}Arn"].rpartition("/")[2])


def endpoint(target: Target) -> str:
    listed = target.client("sagemaker").list_endpoints(NameContains=GROUP)["Endpoints"]
    if not listed:
        raise NotTriedError("the runs left no endpoint")
    return str(listed[0]["EndpointName"])
