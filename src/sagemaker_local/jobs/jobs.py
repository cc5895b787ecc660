"""The operations that all job types share: create, describe, list, stop and restore."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from sagemaker_local.api.listing import Listing
from sagemaker_local.api.protocol import ApiError, invalid
from sagemaker_local.arns import arn
from sagemaker_local.jobs.active_jobs import ActiveJobs, ClosedError
from sagemaker_local.jobs.job_run import INTERRUPTED, JobRun
from sagemaker_local.jobs.kinds import JobKind
from sagemaker_local.jobs.transitions import ENDED, IN_PROGRESS, add_transition, may_become
from sagemaker_local.resource import Context, Operation, Resource, now
from sagemaker_local.store import Record

DEFAULT_RUNTIME = 86_400
"""The default of MaxRuntimeInSeconds in StoppingCondition: one day (API reference)."""


class Jobs(Resource):
    """One job type. A subclass validates requests and creates runs."""

    kind: JobKind
    defaults: ClassVar[Record] = {"StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_RUNTIME}}

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._active: ActiveJobs[JobRun] = ActiveJobs()

    @abstractmethod
    def check(self, request: dict[str, Any]) -> None:
        """Raise ApiError for a request that SageMaker would reject, or that cannot run here."""

    @abstractmethod
    def run_of(self, record: Record) -> JobRun: ...

    def operations(self) -> dict[str, Operation]:
        noun = self.kind.noun
        return {
            f"Create{noun}Job": self._create,
            f"Describe{noun}Job": self._describe,
            f"List{noun}Jobs": self._list,
            f"Stop{noun}Job": self._stop,
        }

    def start(self) -> None:
        """Report jobs that ran when the server stopped as Failed, because their outcome is unknown."""
        for record in self.context.store.all(self.kind.path):
            if record[self.kind.status] not in ENDED:
                run = self.run_of(record)
                run.fail(INTERRUPTED)
                run.clean_up()

    def close(self) -> None:
        self._active.close()

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request[self.kind.name]
        if (existing := self.context.store.get(self.kind.path, name)) is not None:
            raise self._in_use(existing)
        self.check(request)
        record = self.new(request)
        try:
            self._active.begin(name, lambda _: self._stored(name, record, request.get("Tags", [])))
        except ClosedError as error:
            raise ApiError("ServiceUnavailable", "the local server is stopping", 503) from error
        return {self.kind.arn: record[self.kind.arn]}

    def _stored(self, name: str, record: Record, tags: list[dict[str, str]]) -> JobRun:
        if not self.context.store.add(self.kind.path, name, record):
            raise self._in_use(record)
        if tags:
            self.context.tags.add(record[self.kind.arn], tags)
        return self.run_of(record)

    def new(self, request: dict[str, Any]) -> Record:
        """The record of a new job."""
        time = now()
        record = {
            **self.defaults,
            **{key: value for key, value in request.items() if key != "Tags"},
            self.kind.arn: arn(self.context.settings, self.kind.path, request[self.kind.name]),
            self.kind.status: IN_PROGRESS,
            "CreationTime": time,
            "LastModifiedTime": time,
        }
        if self.kind.has_transitions:
            add_transition(record, "Starting", time)
        return record

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._existing(request[self.kind.name])

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        kind = self.kind
        orders = {"Name": kind.name, "CreationTime": "CreationTime", "Status": kind.status}
        listing = Listing(f"{kind.noun}JobSummaries", kind.name, kind.status, orders)
        return listing.page(self.context.store.all(kind.path), request)

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request[self.kind.name]
        self._existing(name)
        if not self._active.stop(name):
            status = self._existing(name)[self.kind.status]
            if may_become(status, "Stopped"):
                return {}
            phrase = self.kind.phrase
            raise invalid(f"The request was rejected because the {phrase} job is in status {status}.")
        return {}

    def _existing(self, name: str) -> Record:
        record = self.context.store.get(self.kind.path, name)
        if record is None:
            raise invalid(self.kind.missing.format(name=name))
        return record

    def _in_use(self, record: Record) -> ApiError:
        noun = self.kind.noun
        return ApiError(
            "ResourceInUse",
            f"{noun} job names must be unique within an AWS account and region, and a {noun.lower()} job "
            f"with this name already exists ({record[self.kind.arn]})",
        )
