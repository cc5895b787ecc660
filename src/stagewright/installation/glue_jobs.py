"""The two generic Glue jobs. Each job run sets its own script (`--scriptLocation`), so the jobs never change.

Sources: "Using job parameters in AWS Glue jobs" and the API reference of Job (AWS Glue developer guide).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stagewright.installation.template import TEMPLATE

ROLE = "glue"
SCRIPT = TEMPLATE.uri("glue/every-run-names-its-own-script.py")
"""This object does not exist. A job run without its own script fails with this name in the message."""
TIMEOUT = 480
"""Minutes. A stage can set its own."""
MAX_CONCURRENT_RUNS = 50
LOG_GROUPS = ("/aws-glue/python-jobs", "/aws-glue/jobs")
"""Prefixes for Python shell and Spark. All jobs of an account share the groups `/output` and `/error`."""


@dataclass(frozen=True)
class GlueJob:
    """`command` is Glue's name for the kind of job. `capacity` is the default of a job run."""

    key: str
    command: str
    python_version: str
    glue_version: str
    capacity: dict[str, Any]
    arguments: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return TEMPLATE.name(self.key)

    @property
    def arn(self) -> str:
        return TEMPLATE.arn("glue", f"job/{self.name}")

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "arn": self.arn,
            "command": self.command,
            "python_version": self.python_version,
            "glue_version": self.glue_version,
            "role": ROLE,
            "script": SCRIPT,
            "capacity": self.capacity,
            "default_arguments": self.arguments,
            "max_concurrent_runs": MAX_CONCURRENT_RUNS,
            "max_retries": 0,
            "timeout": TIMEOUT,
            "tags": TEMPLATE.tags,
        }


GLUE_JOBS = (
    GlueJob(
        "pythonshell",
        "pythonshell",
        python_version="3.9",
        glue_version="3.0",
        capacity={"MaxCapacity": 0.0625},
        arguments={"library-set": "analytics"},
    ),
    GlueJob(
        "spark",
        "glueetl",
        python_version="3",
        glue_version="5.0",
        capacity={"WorkerType": "G.1X", "NumberOfWorkers": 2},
        arguments={"--job-language": "python", "--job-bookmark-option": "job-bookmark-disable"},
    ),
)
