"""The local SageMaker service: it dispatches each operation to its resource.

Each resource declares which request fields it does not act on. Its module has RULES (fields that are
rejected) and IDLE_FIELDS (fields that are accepted without effect); a job type also has `JobRun.idle_fields`.
The service enforces these rules, and docs/sagemaker.md is generated from them.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from threading import Thread
from typing import Any

from sagemaker_local.api import protocol
from sagemaker_local.api.fields import Fields, Rules, refuse_unsupported, without_effect
from sagemaker_local.api.protocol import InvokeResult
from sagemaker_local.hosting.endpoint_configs import EndpointConfigs
from sagemaker_local.hosting.endpoints import Endpoints
from sagemaker_local.hosting.models import Models
from sagemaker_local.http.unix_sockets import SocketFolder
from sagemaker_local.images.environments import Environments
from sagemaker_local.jobs.job_run import JobRun
from sagemaker_local.jobs.processing_jobs import ProcessingJobs
from sagemaker_local.jobs.training_jobs import TrainingJobs
from sagemaker_local.logs.delivery import DeliveredLogs
from sagemaker_local.logs.log_stream import Logs
from sagemaker_local.pipeline_runner import PipelineRunner
from sagemaker_local.pipelines.definitions import Pipelines
from sagemaker_local.pipelines.executions import PipelineExecutions
from sagemaker_local.registry.model_package_groups import ModelPackageGroups
from sagemaker_local.registry.model_packages import ModelPackages
from sagemaker_local.resource import Context, Operation, Publish, Resource
from sagemaker_local.sandbox.launcher import Launcher
from sagemaker_local.search import Search
from sagemaker_local.settings import Settings
from sagemaker_local.storage import Storage
from sagemaker_local.store import Store
from sagemaker_local.tagging import Tagging
from sagemaker_local.tags import Tags
from sagemaker_local.transform.transform_jobs import TransformJobs
from sagemaker_local.tuning.tuning_jobs import TuningJobs
from sagemaker_rules.table import violations

RECORDED = frozenset(
    (
        "DesiredInstanceCount",
        "ExecutionRoleArn",
        "InitialInstanceCount",
        "InstanceType",
        "RoleArn",
        "SelectedInstanceCount",
        "SelectedInstanceType",
        "VolumeSizeInGB",
    )
)
"""Fields that name machines and permissions. Most requests must have them, so no warning is logged."""


RESOURCES: tuple[type[Resource], ...] = (
    Tags,
    ProcessingJobs,
    TrainingJobs,
    TuningJobs,
    TransformJobs,
    Models,
    EndpointConfigs,
    Endpoints,
    ModelPackageGroups,
    ModelPackages,
    Pipelines,
    PipelineExecutions,
    Search,
)
"""All resource types. InvokeEndpoint goes to the one with a method `invoke`."""

log = logging.getLogger(__name__)


class SageMaker:
    """The service. `publish` is called for every EventBridge event of SageMaker, from any thread.

    `logs` has the log streams; by default they are sent to the endpoint's CloudWatch Logs. `pipelines` runs
    the executions of pipelines; without it, definitions are only kept.
    """

    def __init__(
        self,
        settings: Settings,
        publish: Publish,
        logs: Logs | None = None,
        pipelines: PipelineRunner | None = None,
    ) -> None:
        store = Store(settings.root / "sagemaker.sqlite")
        self._context = Context(
            settings=settings,
            store=store,
            publish=publish,
            tags=Tagging(store),
            environments=Environments(settings.overrides, settings.program),
            storage=Storage(settings),
            launcher=Launcher(),
            logs=logs or DeliveredLogs(settings),
            sockets=SocketFolder(settings.root),
            call=self.call,
            pipelines=pipelines,
        )
        self._resources = [resource(self._context) for resource in RESOURCES]
        self._operations: dict[str, Operation] = {}
        self._fields: dict[str, Fields] = {}
        for resource in self._resources:
            operations = resource.operations()
            self._operations |= operations
            self._fields |= dict.fromkeys(operations, declared_fields(type(resource)))

    @property
    def operations(self) -> Mapping[str, Fields]:
        """Supported operations, with the fields that each does not act on."""
        return self._fields

    @property
    def launcher(self) -> Launcher:
        """Starts processes until this service is closed."""
        return self._context.launcher

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Call an operation as boto3 would: times are datetimes. ApiError has SageMaker's code and
        message."""
        protocol.operation_model(operation)
        if operation not in self._operations:
            raise protocol.unsupported_operation(operation)
        checked = protocol.parse(operation, request)
        for violation in violations(operation, checked):
            raise protocol.invalid(violation.message)
        refuse_unsupported(checked, self._fields[operation].rules)
        for path in without_effect(checked, self._fields[operation].idle):
            log.warning("%s: %s has no effect in the local SageMaker", operation, path)
        return protocol.typed_response(operation, self._operations[operation](checked))

    def invoke(self, endpoint: str, body: bytes, headers: Mapping[str, str]) -> InvokeResult:
        """InvokeEndpoint of the runtime API. Header names are in lower case."""
        for resource in self._resources:
            if invoke := getattr(resource, "invoke", None):
                result: InvokeResult = invoke(endpoint, body, headers)
                return result
        raise protocol.invalid(f"Endpoint {endpoint} of account {self._context.settings.account} not found.")

    def start(self) -> None:
        """Restore the state of an earlier process. Jobs that ran in it are reported as Failed."""
        for resource in self._resources:
            resource.start()
        # Creating the client takes 0.1 seconds, so it is ready before the first job needs it.
        Thread(target=lambda: self._context.storage.client, name="s3-client", daemon=True).start()

    def close(self) -> None:
        """End every job, endpoint and process."""
        for resource in reversed(self._resources):
            resource.close()
        self._context.launcher.close()
        self._context.sockets.close()
        self._context.logs.close()
        self._context.storage.close()
        self._context.store.close()


def declared_fields(resource: type[Resource]) -> Fields:
    """What the resource's module declares about request fields."""
    names = vars(sys.modules[resource.__module__])
    rules: Rules = names.get("RULES", {})
    idle: tuple[str, ...] = names.get("IDLE_FIELDS", ())
    for run in names.values():
        if isinstance(run, type) and issubclass(run, JobRun):
            idle += tuple(path for path in getattr(run, "idle_fields", ()) if path not in idle)
    return Fields(rules, idle)
