"""The one door to AWS: a file per service, only the calls that are used, typed, answering frozen values.

The same code serves AWS and the local target; only the endpoint differs. The services that routing an event
does not need are imported at their first use: a cold start pays for every import.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ProfileNotFound

from stagewright.errors import TargetError
from stagewright.naming import Installation
from stagewright.run.gateway.documents import Documents
from stagewright.run.gateway.executions import Executions
from stagewright.run.gateway.leases import Leases
from stagewright.run.gateway.objects import Objects
from stagewright.run.gateway.runs import Runs
from stagewright.run.session import keyed

if TYPE_CHECKING:
    from stagewright.run.gateway.alarms import Alarms
    from stagewright.run.gateway.approvals import Approvals
    from stagewright.run.gateway.caller import Caller
    from stagewright.run.gateway.endpoints import Endpoints
    from stagewright.run.gateway.events import Events
    from stagewright.run.gateway.functions import Functions
    from stagewright.run.gateway.glue import GlueRuns
    from stagewright.run.gateway.installed import Installed
    from stagewright.run.gateway.jobs import Jobs
    from stagewright.run.gateway.logs import Logs
    from stagewright.run.gateway.marks import Marks
    from stagewright.run.gateway.queue import Queue
    from stagewright.run.gateway.quotas import Quotas
    from stagewright.run.gateway.registry import Registry
    from stagewright.run.gateway.served import Served
    from stagewright.run.gateway.topics import Topics

CONFIG = Config(
    connect_timeout=5,
    read_timeout=65,  # InvokeEndpoint answers within 60 s
    max_pool_connections=32,
    retries={"mode": "standard", "total_max_attempts": 4},
)


@dataclass(frozen=True)
class Gateway:
    """All services of one installation. Each client is made at its first use, once: making one is slow."""

    installation: Installation
    session: boto3.session.Session
    endpoint_url: str | None = None
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
    ) -> Gateway:
        """Asks nobody yet. With a key, nothing of the user's AWS set-up is read; without one botocore's
        own chain decides (environment, `profile`, role)."""
        if access_key and secret_key:
            return cls(installation, keyed(access_key, secret_key, installation.region), endpoint_url)
        try:
            session = boto3.session.Session(region_name=installation.region, profile_name=profile)
        except ProfileNotFound as error:
            raise TargetError(str(error), "name a profile of ~/.aws/config in the target") from error
        return cls(installation, session, endpoint_url)

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
    def leases(self) -> Leases:
        return Leases(self._client("dynamodb"), self.installation.runs_table)

    @cached_property
    def marks(self) -> Marks:
        from stagewright.run.gateway.marks import Marks

        return Marks(self._client("dynamodb"), self.installation.runs_table)

    @cached_property
    def approvals(self) -> Approvals:
        from stagewright.run.gateway.approvals import Approvals

        return Approvals(self._client("dynamodb"), self.installation.runs_table)

    @cached_property
    def executions(self) -> Executions:
        return Executions(self._client("stepfunctions"), self.installation.state_machine_arn)

    @cached_property
    def events(self) -> Events:
        from stagewright.run.gateway.events import Events

        return Events(self._client("events"))

    @cached_property
    def queue(self) -> Queue:
        from stagewright.run.gateway.queue import Queue

        return Queue(self._client("sqs"), self.installation.name("events"))

    @cached_property
    def dead_letters(self) -> Queue:
        from stagewright.run.gateway.queue import Queue

        return Queue(self._client("sqs"), self.installation.name("events-dead"))

    @cached_property
    def jobs(self) -> Jobs:
        from stagewright.run.gateway.jobs import Jobs

        return Jobs(self._client("sagemaker"))

    @cached_property
    def registry(self) -> Registry:
        from stagewright.run.gateway.registry import Registry

        return Registry(self._client("sagemaker"))

    @cached_property
    def endpoints(self) -> Endpoints:
        from stagewright.run.gateway.endpoints import Endpoints

        return Endpoints(self._client("sagemaker"), lambda: self._client("sagemaker-runtime"))

    @cached_property
    def served(self) -> Served:
        from stagewright.run.gateway.served import Served

        return Served(self._client("dynamodb"), self.installation.runs_table)

    @cached_property
    def alarms(self) -> Alarms:
        from stagewright.run.gateway.alarms import Alarms

        return Alarms(self._client("cloudwatch"))

    @cached_property
    def glue(self) -> GlueRuns:
        from stagewright.run.gateway.glue import GlueRuns

        return GlueRuns(self._client("glue"))

    @cached_property
    def logs(self) -> Logs:
        from stagewright.run.gateway.logs import Logs

        return Logs(self._client("logs"))

    @cached_property
    def quotas(self) -> Quotas:
        from stagewright.run.gateway.quotas import Quotas

        return Quotas(self._client("service-quotas"))

    @cached_property
    def topics(self) -> Topics:
        from stagewright.run.gateway.topics import Topics

        return Topics(self._client("sns"))

    @cached_property
    def functions(self) -> Functions:
        from stagewright.run.gateway.functions import Functions

        return Functions(self._client("lambda"), self.installation.name)

    @cached_property
    def caller(self) -> Caller:
        from stagewright.run.gateway.caller import Caller

        return Caller(self._client("sts"))

    @cached_property
    def installed(self) -> Installed:
        from stagewright.run.gateway.installed import Installed

        return Installed(self._client)

    def close(self) -> None:
        """Closes the connections; the next call opens them again."""
        for client in self._clients.values():
            client.close()

    def _client(self, service: Any) -> Any:
        with self._lock:  # a session makes clients one at a time
            if service not in self._clients:
                self._clients[service] = self.session.client(
                    service, endpoint_url=self.endpoint_url, config=CONFIG
                )
            return self._clients[service]


__all__ = ["Gateway"]
