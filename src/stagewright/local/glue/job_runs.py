"""StartJobRun, GetJobRun, GetJobRuns, BatchStopJobRun."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from sagemaker_local.api.fields import Fields
from sagemaker_local.api.protocol import ApiError
from sagemaker_local.jobs.active_jobs import ActiveJobs, ClosedError
from sagemaker_local.resource import now
from sagemaker_local.store import Record
from stagewright.local.glue import arguments, pythons
from stagewright.local.glue.context import Context
from stagewright.local.glue.jobs import SPARK, Jobs, check_capacity
from stagewright.local.glue.protocol import missing, page
from stagewright.local.glue.run import ENDED, INTERRUPTED, KIND, LOG_GROUPS, STARTING, Run

DEFAULT_CONCURRENCY = 1
"""Default of MaxConcurrentRuns (API reference, ExecutionProperty)."""
CAPACITY = ("MaxCapacity", "WorkerType", "NumberOfWorkers")
INHERITED = ("GlueVersion", "SecurityConfiguration", "NotificationProperty", "ExecutionClass")


class JobRuns:
    fields: ClassVar[dict[str, Fields]] = {
        "StartJobRun": Fields(
            {"JobRunId": (), "JobRunQueuingEnabled": (False,), "ExecutionRoleSessionPolicy": ()},
            ("SecurityConfiguration", "NotificationProperty"),
        ),
        "GetJobRun": Fields({"PredecessorsIncluded": (False,)}),
    }

    def __init__(self, context: Context, jobs: Jobs) -> None:
        self._context = context
        self._jobs = jobs
        self._active: ActiveJobs[Run] = ActiveJobs()

    def operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        return {
            "StartJobRun": self._start,
            "GetJobRun": lambda request: {"JobRun": self._known(request["JobName"], request["RunId"])},
            "GetJobRuns": self._list,
            "BatchStopJobRun": self._stop,
        }

    def start(self) -> None:
        """Fail the runs that a stopped server left unfinished."""
        for record in self._context.store.all(KIND):
            if record["JobRunState"] not in ENDED:
                Run(self._context, {}, {}, record).fail(INTERRUPTED)

    def close(self) -> None:
        self._active.close()

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        job = self._jobs.known(request["JobName"])
        check_capacity(request)
        run_arguments = arguments.resolve(job, request.get("Arguments", {}))
        if job["Command"]["Name"] == SPARK:
            pythons.spark(self._context.environments, job["GlueVersion"])
        record = _new_record(job, request)

        def create(others: list[Run]) -> Run:
            _check_concurrency(job, others)
            self._context.store.put(KIND, record["Id"], record)
            return Run(self._context, job, run_arguments, record)

        try:
            self._active.begin(record["Id"], create)
        except ClosedError as error:
            raise ApiError("InternalServiceException", "the local server is stopping", 500) from error
        return {"JobRunId": record["Id"]}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return a page of the job's runs, newest first."""
        self._jobs.known(request["JobName"])
        runs = [run for run in self._context.store.all(KIND) if run["JobName"] == request["JobName"]]
        return page("JobRuns", runs[::-1], request)

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        stopped: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for run_id in request["JobRunIds"]:
            names = {"JobName": request["JobName"], "JobRunId": run_id}
            try:
                self._stop_one(**names)
                stopped.append(names)
            except ApiError as error:
                detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
                errors.append({**names, "ErrorDetail": detail})
        return {"SuccessfulSubmissions": stopped, "Errors": errors}

    def _stop_one(self, JobName: str, JobRunId: str) -> None:  # noqa: N803 -- the API's names
        self._known(JobName, JobRunId)
        if not self._active.stop(JobRunId):
            state = self._known(JobName, JobRunId)["JobRunState"]
            raise ApiError("InvalidInputException", f"Job run {JobRunId} is in state {state}.")

    def _known(self, job: str, run_id: str) -> Record:
        record = self._context.store.get(KIND, run_id)
        if record is None or record["JobName"] != job:
            raise missing(f"Job run {run_id} of job {job} not found.")
        return record


def _check_concurrency(job: Record, running: list[Run]) -> None:
    limit = job.get("ExecutionProperty", {}).get("MaxConcurrentRuns", DEFAULT_CONCURRENCY)
    if sum(run.record["JobName"] == job["Name"] for run in running) >= limit:
        raise ApiError("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {job['Name']}")


def _new_record(job: Record, request: dict[str, Any]) -> Record:
    """Return the first record of a run. Settings of the request override those of the job."""
    time, kind = now(), job["Command"]["Name"]
    own = {name: request[name] for name in ("Arguments", *INHERITED) if name in request}
    inherited = {name: job[name] for name in INHERITED if name in job}
    source = request if any(name in request for name in CAPACITY) else job
    return {
        "Id": f"jr_{hashlib.sha256(uuid.uuid4().bytes).hexdigest()}",
        "Attempt": 0,
        "JobName": job["Name"],
        "StartedOn": time,
        "LastModifiedOn": time,
        "JobRunState": STARTING,
        "PredecessorRuns": [],
        "ExecutionTime": 0,
        "Timeout": request.get("Timeout", job.get("Timeout", _default_timeout(job))),
        "LogGroupName": LOG_GROUPS[kind],
        **_capacity(source, kind),
        **inherited,
        **own,
    }


def _capacity(source: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the capacity. A Python shell job defaults to 0.0625 DPU (API reference, Job, MaxCapacity)."""
    capacity = {name: source[name] for name in CAPACITY if name in source}
    return capacity or ({} if kind == SPARK else {"MaxCapacity": 0.0625})


def _default_timeout(job: Record) -> int:
    """Return the default timeout in minutes (API reference, Job, Timeout)."""
    return 480 if float(job.get("GlueVersion", "0")) >= 5 else 2_880
