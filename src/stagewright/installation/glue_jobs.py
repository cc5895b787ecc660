"""Two generic Glue jobs. A stage gives its own script to a run (`--scriptLocation`), so they never change.

Sources: "Using job parameters in AWS Glue jobs" and the API reference of Job (AWS Glue developer guide).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stagewright.installation.template import TEMPLATE

ROLE = "glue"
SCRIPT = TEMPLATE.uri("glue/every-run-names-its-own-script.py")
"""There is no such object: a run that names none fails with this name."""
TIMEOUT = 480
"""Minutes; a stage may set its own."""
MAX_CONCURRENT_RUNS = 50
LOG_GROUPS = ("/aws-glue/python-jobs", "/aws-glue/jobs")
"""Of Python shell and of Spark: `/output` and `/error` below them, for all jobs of an account."""


@dataclass(frozen=True)
class GlueJob:
    """`command` is Glue's name of the kind; `capacity` what a run has unless it asks for other."""

    what: str
    command: str
    python_version: str
    glue_version: str
    capacity: dict[str, Any]
    arguments: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return TEMPLATE.name(self.what)

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
