"""Checks of training requests that need the rest of the stage: its files, or its job settings."""

from __future__ import annotations

from collections.abc import Collection

from stagewright.errors import PlanError, Problem
from stagewright.planner.stage_files import REQUIREMENTS
from stagewright.stages.base.job_settings import definitions, value_at
from stagewright.stages.base.request import Requests

TRAINING_OPERATIONS = ("CreateTrainingJob", "CreateHyperParameterTuningJob")


def check_isolation(name: str, requests: Requests, files: Collection[str]) -> None:
    """Raise PlanError if a training container without a network would download its script or packages."""
    jobs = [
        part
        for operation, request in requests.items()
        if operation in TRAINING_OPERATIONS
        for _, part in definitions(operation, request)
        if value_at(part, "EnableNetworkIsolation")
    ]
    fixed = [{**job.get("HyperParameters", {}), **job.get("StaticHyperParameters", {})} for job in jobs]
    if any("s3://" in values.get("sagemaker_submit_directory", "") for values in fixed):
        message = "the container has no network, so it cannot download its script"
        remedy = "set network_isolation: true in place of EnableNetworkIsolation"
        raise PlanError((Problem(f"stages.{name}.request", message, remedy),))
    if jobs and REQUIREMENTS in files:
        message = f"{REQUIREMENTS} cannot be installed: the container has no network (network_isolation)"
        raise PlanError((Problem(f"stages.{name}", message, "use an image that has the packages"),))


def check_one_instance(name: str, requests: Requests) -> None:
    """Raise PlanError if a training job of several instances would not encrypt the traffic between them."""
    resources = requests.get("CreateTrainingJob", {}).get("ResourceConfig", {})
    groups = resources.get("InstanceGroups", ())
    if any(part.get("InstanceCount", 1) != 1 for part in (resources, *groups)) or len(groups) > 1:
        message = "Step Functions cannot encrypt the traffic between the instances of a training job"
        remedy = "use one instance, or a tuning stage with max_jobs: 1"
        raise PlanError((Problem(f"stages.{name}.instance_count", message, remedy),))
