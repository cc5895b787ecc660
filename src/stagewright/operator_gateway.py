"""The gateway of the command line: the clients of `Gateway`, and those that only people need.

Nothing that runs in Lambda imports this module, so its clients are not part of the Lambda package.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from stagewright.aws.caller import Caller
from stagewright.aws.events import Events
from stagewright.aws.functions import Functions
from stagewright.aws.installed import Installed
from stagewright.aws.logs import Logs
from stagewright.aws.quotas import Quotas
from stagewright.gateway import Gateway
from stagewright.stages.base.job_settings import JobSettings


@dataclass(frozen=True)
class OperatorGateway(Gateway):
    """All clients of one installation, for an operator."""

    @cached_property
    def caller(self) -> Caller:
        return Caller(self._client("sts"))

    @cached_property
    def events(self) -> Events:
        return Events(self._client("events"))

    @cached_property
    def functions(self) -> Functions:
        return Functions(self._client("lambda"), self.installation.name)

    @cached_property
    def installed(self) -> Installed:
        return Installed(self._client)

    @cached_property
    def logs(self) -> Logs:
        return Logs(self._client("logs"))

    @cached_property
    def quotas(self) -> Quotas:
        return Quotas(self._client("service-quotas"))

    def allows_code_overrides(self) -> bool:
        """Return whether the router accepts overrides of fields that select code.

        Commands ask this way. The router reads its own environment.
        """
        return self.functions.environment("router").get("STAGEWRIGHT_CODE_OVERRIDES") == "yes"

    def job_settings(self) -> JobSettings:
        """Return the installation's settings of jobs. The router reads its own environment."""
        return JobSettings.from_json(self.functions.environment("router").get("STAGEWRIGHT_JOBS", ""))
