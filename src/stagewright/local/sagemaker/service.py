"""The local SageMaker: every resource behind one dispatch table."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import Thread
from typing import Any

from stagewright.local.sagemaker import declarations
from stagewright.local.sagemaker.api import protocol
from stagewright.local.sagemaker.api.fields import Fields, refuse_unsupported, without_effect
from stagewright.local.sagemaker.api.protocol import InvokeResult
from stagewright.local.sagemaker.hosting.endpoint_configs import EndpointConfigs
from stagewright.local.sagemaker.hosting.endpoints import Endpoints
from stagewright.local.sagemaker.hosting.models import Models
from stagewright.local.sagemaker.images.environments import Environments
from stagewright.local.sagemaker.jobs.processing_jobs import ProcessingJobs
from stagewright.local.sagemaker.jobs.training_jobs import TrainingJobs
from stagewright.local.sagemaker.logs import Logs
from stagewright.local.sagemaker.registry.model_package_groups import ModelPackageGroups
from stagewright.local.sagemaker.registry.model_packages import ModelPackages
from stagewright.local.sagemaker.resource import Context, Operation, Publish, Resource
from stagewright.local.sagemaker.sandbox.launcher import Launcher
from stagewright.local.sagemaker.search import Search
from stagewright.local.sagemaker.settings import Settings
from stagewright.local.sagemaker.storage import Storage
from stagewright.local.sagemaker.store import Store
from stagewright.local.sagemaker.tagging import Tagging
from stagewright.local.sagemaker.tags import Tags
from stagewright.local.sagemaker.transform.transform_jobs import TransformJobs
from stagewright.local.sagemaker.tuning.tuning_jobs import TuningJobs

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
    Search,
)
"""Everything that this service answers for. `invoke` goes to the resource that has a method of that name."""

log = logging.getLogger(__name__)


class SageMaker:
    """`publish` is called, from any thread, for every change of a state that SageMaker sends an event for."""

    def __init__(self, settings: Settings, publish: Publish) -> None:
        store = Store(settings.root / "sagemaker.sqlite")
        self._context = Context(
            settings=settings,
            store=store,
            publish=publish,
            tags=Tagging(store),
            environments=Environments(settings.overrides),
            storage=Storage(settings),
            launcher=Launcher(),
            logs=Logs(settings),
            call=self.call,
        )
        self._resources = [resource(self._context) for resource in RESOURCES]
        self._operations: dict[str, Operation] = {}
        self._fields: dict[str, Fields] = {}
        for resource in self._resources:
            operations = resource.operations()
            self._operations |= operations
            self._fields |= dict.fromkeys(operations, declarations.of(type(resource)))

    @property
    def operations(self) -> Mapping[str, Fields]:
        """The supported ones, each with what its resource says of fields."""
        return self._fields

    @property
    def launcher(self) -> Launcher:
        """Starts processes until this service is closed."""
        return self._context.launcher

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Answers as boto3 would: times are datetimes. ApiError carries SageMaker's code and message."""
        protocol.operation_model(operation)
        if operation not in self._operations:
            raise protocol.unsupported_operation(operation)
        checked = protocol.parse(operation, request)
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
        """Restores what an earlier process left. Jobs that ran then are reported Failed."""
        for resource in self._resources:
            resource.start()
        # Making the client takes a tenth of a second, which no job should wait for.
        Thread(target=lambda: self._context.storage.client, name="s3-client", daemon=True).start()

    def close(self) -> None:
        """Ends every job and endpoint; no process is left."""
        for resource in reversed(self._resources):
            resource.close()
        self._context.launcher.close()
        self._context.logs.close()
        self._context.storage.close()
        self._context.store.close()
