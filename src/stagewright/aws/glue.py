"""Runs of Glue jobs: how they stand, and stopping them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from stagewright.aws.errors import is_missing, translated
from stagewright.naming import JOB

ENDED = frozenset(("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"))
"""States of a run that has ended (API reference, JobRun, JobRunState)."""
PAGE = 100


@dataclass(frozen=True)
class GlueRun:
    """`state` is a JobRunState. Times in epoch seconds."""

    id: str
    state: str
    started: float
    ended: float | None
    reason: str


@dataclass(frozen=True)
class GlueRuns:
    client: Any
    """boto3's, of Glue."""

    def find(self, definition: str, job: str) -> GlueRun | None:
        """The run of the Glue job `definition` that a stage started as `job`; the newest runs come first, as
        GetJobRuns has them."""
        pages = self.client.get_paginator("get_job_runs").paginate(
            JobName=definition, PaginationConfig={"PageSize": PAGE}
        )
        with translated("glue", f"the Glue job {definition}"):
            try:
                for page in pages:
                    for run in page["JobRuns"]:
                        if run.get("Arguments", {}).get(f"--{JOB}") == job:
                            return _run(run)
            except ClientError as error:
                if not is_missing(error):
                    raise
        return None

    def stop(self, definition: str, run: str) -> None:
        """One that has ended stays as it is: the answer then has it among its errors."""
        with translated("glue", f"the Glue job {definition}"):
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
    )
