"""What each resource says of the fields of its requests, read from where it says it.

A resource's module names in RULES (or SUPPORTED) what it refuses, and in IDLE_FIELDS what it accepts though
nothing acts on it; of a job, `idle_fields` of its run says the latter. The service enforces just this, and
docs/sagemaker.md is made from it.
"""

from __future__ import annotations

import sys

from stagewright.local.sagemaker.api.fields import Fields, Rules
from stagewright.local.sagemaker.jobs.job_run import JobRun
from stagewright.local.sagemaker.resource import Resource

RECORDED = frozenset(
    (
        "DesiredInstanceCount",
        "ExecutionRoleArn",
        "InitialInstanceCount",
        "InstanceType",
        "RoleArn",
        "SelectedInstanceCount",
        "SelectedInstanceType",
        "VolumeSizeInGB",
    )
)
"""Machines and rights on AWS. Most requests must name them, so a warning each time would say nothing."""


def of(resource: type[Resource]) -> Fields:
    names = vars(sys.modules[resource.__module__])
    rules: Rules = names.get("RULES", names.get("SUPPORTED", {}))
    idle: tuple[str, ...] = names.get("IDLE_FIELDS", ())
    for run in names.values():
        if isinstance(run, type) and issubclass(run, JobRun):
            idle += tuple(path for path in getattr(run, "idle_fields", ()) if path not in idle)
    return Fields(rules, idle)
