"""CreateJob, GetJob, GetJobs, UpdateJob, DeleteJob."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from sagemaker_local.api.fields import Fields, Rules, under
from sagemaker_local.api.protocol import ApiError
from sagemaker_local.resource import now
from sagemaker_local.store import Record
from stagewright.local.glue import arguments
from stagewright.local.glue.context import Context
from stagewright.local.glue.protocol import invalid, missing, page, unsupported

KIND = "job"
PYTHON_SHELL, SPARK = "pythonshell", "glueetl"
SPARK_VERSIONS = ("4.0", "5.0")
PYTHON_OF = {PYTHON_SHELL: "3.9", SPARK: "3"}
MAX_TIMEOUT = 10_080
"""Minutes. "Jobs must have timeout values less than 7 days" (API reference, Job, Timeout)."""

RULES: Rules = {
    "JobMode": ("SCRIPT",),
    "JobRunQueuingEnabled": (False,),
    "MaxRetries": (0,),
    "Command.Name": (PYTHON_SHELL, SPARK),
    "Command.Runtime": (),
    "CodeGenConfigurationNodes": (),
    "Connections": (),
    "SourceControlDetails": (),
    "MaintenanceWindow": (),
}
IDLE_FIELDS = ("LogUri", "SecurityConfiguration", "NotificationProperty")
KEPT = ("Name", "CreatedOn")
"""An update keeps these fields and replaces or resets all others (API reference, UpdateJob)."""


class Jobs:
    fields: ClassVar[dict[str, Fields]] = {
        "CreateJob": Fields(RULES, IDLE_FIELDS),
        "UpdateJob": Fields(under("JobUpdate", RULES), tuple(f"JobUpdate.{path}" for path in IDLE_FIELDS)),
    }

    def __init__(self, context: Context) -> None:
        self._store = context.store

    def operations(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        return {
            "CreateJob": self._create,
            "GetJob": lambda request: {"Job": self.known(request["JobName"])},
            "GetJobs": lambda request: page("Jobs", self._store.all(KIND), request),
            "UpdateJob": self._update,
            "DeleteJob": self._delete,
        }

    def known(self, name: str) -> Record:
        record = self._store.get(KIND, name)
        if record is None:
            raise missing(f"Job {name} not found.")
        return record

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        _check(request)
        time = now()
        record = {**request, "CreatedOn": time, "LastModifiedOn": time}
        if not self._store.add(KIND, request["Name"], record):
            raise ApiError("AlreadyExistsException", f"Job {request['Name']} already exists.")
        return {"Name": request["Name"]}

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        known, update = self.known(request["JobName"]), request["JobUpdate"]
        _check(update)
        kept = {name: known[name] for name in KEPT}
        self._store.put(KIND, known["Name"], {**kept, **update, "LastModifiedOn": now()})
        return {"JobName": known["Name"]}

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        """ "If the job definition is not found, no exception is thrown" (API reference, DeleteJob)."""
        self._store.delete(KIND, request["JobName"])
        return {"JobName": request["JobName"]}


def _check(job: dict[str, Any]) -> None:
    command = job.get("Command", {})
    kind = command.get("Name", "")
    if kind not in PYTHON_OF:
        raise invalid(f"Command.Name must be {PYTHON_SHELL} or {SPARK}")
    if not job.get("Role"):
        raise invalid("Role is required")
    if command.get("PythonVersion") != PYTHON_OF[kind]:
        version = command.get("PythonVersion", "none")
        raise unsupported(f"Command.PythonVersion={version} of {kind}; {PYTHON_OF[kind]} is supported")
    if kind == SPARK and job.get("GlueVersion") not in SPARK_VERSIONS:
        raise unsupported(f"GlueVersion={job.get('GlueVersion', 'none')} of {SPARK}; 5.0 is supported")
    check_capacity(job)
    arguments.check({**job.get("DefaultArguments", {}), **job.get("NonOverridableArguments", {})})


def check_capacity(request: dict[str, Any]) -> None:
    """Check the timeout and the capacity of a job or a job run."""
    if request.get("Timeout", 1) > MAX_TIMEOUT:
        raise invalid(f"Timeout must be at most {MAX_TIMEOUT} minutes")
    if "MaxCapacity" in request and ("WorkerType" in request or "NumberOfWorkers" in request):
        raise invalid("Please do not set Max Capacity if using Worker Type and Number of Workers.")
