"""The records of endpoints, and their events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sagemaker_local.api.protocol import invalid
from sagemaker_local.arns import arn
from sagemaker_local.events import announce, public
from sagemaker_local.resource import Context, event_detail, now
from sagemaker_local.store import Record

KIND = "endpoint"
EVENT = "SageMaker Endpoint State Change"
DEPLOYMENT_EVENT = "SageMaker Endpoint Deployment State Change"
EVENT_STATUS = {"InService": "IN_SERVICE"}
"""Unlike the API, the event has the status in capitals (developer guide, Endpoint state change)."""
IN_PROGRESS = ("Creating", "Updating", "Deleting")


class EndpointRecords:
    def __init__(self, context: Context) -> None:
        self._context = context

    def arn(self, name: str) -> str:
        return arn(self._context.settings, KIND, name)

    def all(self) -> list[Record]:
        return self._context.store.all(KIND)

    def find(self, name: str) -> Record:
        """The record of an endpoint. ValidationException if it does not exist."""
        record = self._context.store.get(KIND, name)
        if record is None:
            raise invalid(f'Could not find endpoint "{self.arn(name)}".')
        return record

    def require_idle(self, name: str) -> Record:
        """The record of an endpoint. ValidationException if an operation is in progress."""
        record = self.find(name)
        if record["EndpointStatus"] in IN_PROGRESS:
            raise invalid(f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')
        return record

    def require_updatable(self, name: str) -> Record:
        """The record of an endpoint. ValidationException if it cannot be updated."""
        record = self.require_idle(name)
        if record["EndpointStatus"] == "Failed":
            raise invalid(f'Cannot update failed endpoint "{record["EndpointArn"]}"; it can only be deleted.')
        return record

    def add(self, record: Record) -> None:
        if not self._context.store.add(KIND, record["EndpointName"], record):
            raise invalid(f'Cannot create already existing endpoint "{record["EndpointArn"]}".')

    @contextmanager
    def change(self, name: str) -> Iterator[Record]:
        """Change a record in a transaction. An exception in the block keeps the old record."""
        with self._context.store.transaction():
            record = self.find(name)
            yield record
            record["LastModifiedTime"] = now()
            self._context.store.put(KIND, name, record)

    def delete(self, record: Record) -> None:
        self._context.store.delete(KIND, record["EndpointName"])
        self._context.tags.delete(record["EndpointArn"])

    def publish(self, record: Record, event: str = EVENT) -> None:
        detail = public(record)
        status = record["EndpointStatus"]
        detail["EndpointStatus"] = EVENT_STATUS.get(status, status.upper())
        announce(self._context, event, event_detail({**detail, "Tags": {}}))
