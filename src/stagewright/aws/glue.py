"""Job runs of AWS Glue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from stagewright.aws.errors import is_missing, translate_errors
from stagewright.naming import GLUE_JOB_ARGUMENT

ENDED = frozenset(("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"))
"""The states of a run that has ended (Glue API reference, JobRun, JobRunState)."""
PAGE = 100
SMALL = 0.0625
"""Data processing units of a small Python shell."""


@dataclass(frozen=True)
class GlueRun:
    """One job run. `state` is a JobRunState. Times are epoch seconds.

    `size` and `workers`: its capacity. `seconds`: how long it used it. `dpu_seconds`: what it used in data
    processing units, if it scaled (Glue API reference, JobRun, DPUSeconds), else 0.
    """

    id: str
    state: str
    started: float
    ended: float | None
    reason: str
    size: str
    workers: float
    seconds: int
    dpu_seconds: float


@dataclass(frozen=True)
class GlueRuns:
    """Finds and stops job runs."""

    client: Any

    def find(self, definition: str, job: str) -> GlueRun | None:
        """Return the run of the Glue job `definition` that a stage started as `job`, or None.

        Calls GetJobRuns, which returns the newest runs first, and compares the run's arguments.
        """
        pages = self.client.get_paginator("get_job_runs").paginate(
            JobName=definition, PaginationConfig={"PageSize": PAGE}
        )
        with translate_errors("glue", f"the Glue job {definition}"):
            try:
                for page in pages:
                    for run in page["JobRuns"]:
                        if run.get("Arguments", {}).get(f"--{GLUE_JOB_ARGUMENT}") == job:
                            return _run(run)
            except ClientError as error:
                if not is_missing(error):
                    raise
        return None

    def stop(self, definition: str, run: str) -> None:
        """Stop a run. Does nothing if it has ended: BatchStopJobRun then lists it among its errors."""
        with translate_errors("glue", f"the Glue job {definition}"):
            self.client.batch_stop_job_run(JobName=definition, JobRunIds=[run])


def _run(answer: Mapping[str, Any]) -> GlueRun:
    ended = answer.get("CompletedOn")
    started = answer.get("StartedOn") or datetime.now(UTC)
    return GlueRun(
        answer["Id"],
        answer["JobRunState"],
        started.timestamp(),
        ended.timestamp() if ended else None,
        answer.get("ErrorMessage", ""),
        *_capacity(answer),
        int(answer.get("ExecutionTime", 0)),
        float(answer.get("DPUSeconds", 0)),
    )


def _capacity(answer: Mapping[str, Any]) -> tuple[str, float]:
    """Return the size of a worker, and the number of workers. A job without workers counts whole units."""
    if "WorkerType" in answer:
        return str(answer["WorkerType"]), float(answer.get("NumberOfWorkers", 1))
    units = float(answer.get("MaxCapacity", SMALL))
    return ("pythonshell-small", 1.0) if units == SMALL else ("pythonshell", units)
