"""The gateway to AWS: all clients and stores of one installation.

AWS and the local target differ only in the endpoint URL. Clients that the router does not need for every
event are imported at their first use, because a cold start pays for every import.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import boto3
from botocore.config import Config
from botocore.exceptions import ProfileNotFound

from stagewright.aws.executions import Executions
from stagewright.aws.objects import Objects
from stagewright.aws.session import session_with_key
from stagewright.errors import TargetError
from stagewright.naming import Installation
from stagewright.store.documents import Documents
from stagewright.store.run_queue import RunQueue
from stagewright.store.runs import Runs

if TYPE_CHECKING:
    from stagewright.aws.alarms import Alarms
    from stagewright.aws.endpoints import Endpoints
    from stagewright.aws.glue import GlueRuns
    from stagewright.aws.jobs import Jobs
    from stagewright.aws.queue import Queue
    from stagewright.aws.registry import Registry
    from stagewright.aws.topics import Topics
    from stagewright.aws.used_time import UsedTimes
    from stagewright.store.approvals import Approvals
    from stagewright.store.endpoints import EndpointRecords
    from stagewright.store.trigger_state import TriggerState

CONFIG = Config(
    connect_timeout=5,
    read_timeout=65,  # InvokeEndpoint answers within 60 s (Amazon SageMaker API reference)
    max_pool_connections=32,
    retries={"mode": "standard", "total_max_attempts": 4},
)


@dataclass(frozen=True)
class Gateway:
    """All clients of one installation. Each is created once, at its first use, because that is slow.

    `machine_version` is the ARN of the state machine's version that new plans are made for; empty: none.
    """

    installation: Installation
    session: boto3.session.Session
    endpoint_url: str | None = None
    read_timeout: float | None = None
    """Seconds that a call waits for a response, except InvokeEndpoint. None: those of CONFIG."""
    machine_version: str = ""
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def connect(
        cls,
        installation: Installation,
        endpoint_url: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        profile: str | None = None,
        read_timeout: float | None = None,
    ) -> Self:
        """Create a gateway. Makes no call.

        With a key, nothing of the user's AWS configuration is read. Without one, botocore finds credentials:
        environment, `profile`, role. Raises TargetError if the profile does not exist.
        """
        if access_key and secret_key:
            session = session_with_key(access_key, secret_key, installation.region)
            return cls(installation, session, endpoint_url, read_timeout)
        try:
            session = boto3.session.Session(region_name=installation.region, profile_name=profile)
        except ProfileNotFound as error:
            raise TargetError(str(error), "name a profile of ~/.aws/config in the target") from error
        return cls(installation, session, endpoint_url, read_timeout)

    @cached_property
    def objects(self) -> Objects:
        return Objects(self._client("s3"), self.installation.bucket)

    @cached_property
    def documents(self) -> Documents:
        return Documents(self._client("dynamodb"), self.installation.documents_table)

    @cached_property
    def runs(self) -> Runs:
        return Runs(self._client("dynamodb"), self.installation.runs_table)

    @cached_property
    def run_queue(self) -> RunQueue:
        return RunQueue(self._client("dynamodb"), self.installation.runs_table)

    @cached_property
    def trigger_state(self) -> TriggerState:
        from stagewright.store.trigger_state import TriggerState

        return TriggerState(self._client("dynamodb"), self.installation.runs_table)

    @cached_property
    def approvals(self) -> Approvals:
        from stagewright.store.approvals import Approvals

        return Approvals(self._client("dynamodb"), self.installation.runs_table)

    @cached_property
    def executions(self) -> Executions:
        return Executions(self._client("stepfunctions"), self.installation.state_machine_arn)

    @cached_property
    def queue(self) -> Queue:
        from stagewright.aws.queue import Queue

        return Queue(self._client("sqs"), self.installation.name("events"))

    @cached_property
    def dead_letters(self) -> Queue:
        from stagewright.aws.queue import Queue

        return Queue(self._client("sqs"), self.installation.name("events-dead"))

    @cached_property
    def jobs(self) -> Jobs:
        from stagewright.aws.jobs import Jobs

        return Jobs(self._client("sagemaker"))

    @cached_property
    def used_times(self) -> UsedTimes:
        from stagewright.aws.used_time import UsedTimes

        return UsedTimes(self._client("sagemaker"))

    @cached_property
    def registry(self) -> Registry:
        from stagewright.aws.registry import Registry

        return Registry(self._client("sagemaker"))

    @cached_property
    def endpoints(self) -> Endpoints:
        from stagewright.aws.endpoints import Endpoints

        return Endpoints(self._client("sagemaker"), lambda: self._client("sagemaker-runtime"))

    @cached_property
    def endpoint_records(self) -> EndpointRecords:
        from stagewright.store.endpoints import EndpointRecords

        return EndpointRecords(self._client("dynamodb"), self.installation.runs_table)

    @cached_property
    def alarms(self) -> Alarms:
        from stagewright.aws.alarms import Alarms

        return Alarms(self._client("cloudwatch"))

    @cached_property
    def glue(self) -> GlueRuns:
        from stagewright.aws.glue import GlueRuns

        return GlueRuns(self._client("glue"))

    @cached_property
    def topics(self) -> Topics:
        from stagewright.aws.topics import Topics

        return Topics(self._client("sns"))

    def close(self) -> None:
        """Close the connections. The next call opens new ones."""
        for client in self._clients.values():
            client.close()

    def _client(self, service: Any) -> Any:
        with self._lock:  # a session makes clients one at a time
            if service not in self._clients:
                self._clients[service] = self.session.client(
                    service, endpoint_url=self.endpoint_url, config=self._config(service)
                )
            return self._clients[service]

    def _config(self, service: str) -> Config:
        if self.read_timeout is None or service == "sagemaker-runtime":
            return CONFIG
        return CONFIG.merge(Config(read_timeout=self.read_timeout))
