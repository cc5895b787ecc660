"""ministack in this process: its environment, its import, and the patches.

ministack is an AWS emulator in Python. It implements S3, DynamoDB, EventBridge, SQS, Lambda, Step Functions
and more. It has no extension points, so it is patched after its import. patches.py lists every patch. The
patches themselves are in:

- engine.py: executions, with an engine of our own
- machine_versions.py: executions of a published version
- invocation.py: Lambda functions that Step Functions invokes
- services.py: Lambda, SQS, S3
- regexes.py: regular expressions of users
- alarms.py: CloudWatch
- background.py: executions and functions in the background
- log_service.py: CloudWatch Logs
- queries.py: DynamoDB
- durable.py: the journal and the snapshots
- executions.py: executions that have ended
- items.py: DynamoDB's items
- objects.py: S3's objects as files
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from sagemaker_local.state_folder import ACCOUNT, REGION
from stagewright.errors import TargetError
from stagewright.local.emulator import alarms, machine_versions, queries, regexes, services
from stagewright.local.emulator.background import BackgroundTasks
from stagewright.local.emulator.durable import Durable
from stagewright.local.emulator.engine import Handler, StepFunctions
from stagewright.local.emulator.invocation import LAMBDA_INVOKE, FunctionTasks
from stagewright.local.emulator.log_service import LogService
from stagewright.local.emulator.objects import Objects
from stagewright.local.emulator.patches import VERSION, replace
from stagewright.local.logs.served_logs import ServedLogs
from stagewright.local.state import State

SERVICES = "dynamodb,events,iam,lambda,logs,monitoring,s3,scheduler,sns,sqs,states,sts"
MODULES = (
    "s3",
    "dynamodb",
    "sqs",
    "sns",
    "eventbridge",
    "scheduler",
    "lambda_svc",
    "stepfunctions",
    "cloudwatch",
    "cloudwatch_logs",
)
WAIT_SCALE = 0.02
"""Factor of Step Functions' waits and retry intervals: 5 s become 0.1 s."""
FOREIGN_PREFIXES = ("MINISTACK_", "LOCALSTACK_", "LAMBDA_", "SFN_", "S3_", "IOT_")
FOREIGN_NAMES = ("AUTH", "USE_SSL", "EDGE_PORT", "DEFAULT_REGION")

ASGI = Callable[
    [MutableMapping[str, Any], Callable[..., Awaitable[Any]], Callable[..., Awaitable[Any]]], Awaitable[None]
]

log = logging.getLogger(__name__)


def prepare(variables: MutableMapping[str, str], state: State, port: int) -> None:
    """Set ministack's variables in `variables` (os.environ) and remove those of other emulators."""
    for name in [name for name in variables if name.startswith(FOREIGN_PREFIXES) or name in FOREIGN_NAMES]:
        del variables[name]
    variables.update(environment(state, port))


def environment(state: State, port: int) -> dict[str, str]:
    """Return the environment variables that ministack reads at import."""
    return {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "SERVICES": SERVICES,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state.services),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state.objects),
        "SFN_WAIT_SCALE": str(WAIT_SCALE),
        "LAMBDA_EXECUTOR": "local",
        "DOCKER_HOST": f"unix://{state.root}/no-docker.sock",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "INFO",
    }


def check_version() -> None:
    """Raise TargetError unless the installed version of ministack is the one that the patches are for."""
    try:
        installed = metadata.version("ministack")
    except metadata.PackageNotFoundError:
        remedy = "pip install 'stagewright[local]'"
        raise TargetError("The local target needs ministack, which is not installed", remedy) from None
    if installed != VERSION:
        message = f"The local target needs ministack {VERSION}, but {installed} is installed"
        raise TargetError(message, f"pip install ministack=={VERSION}")


class Ministack:
    """The emulator in this process. Set `environment(...)` in `os.environ` before you create one.

    Lambda functions sign with `access_key` and `secret_key`.
    """

    def __init__(self, access_key: str, secret_key: str) -> None:
        check_version()
        module: Any = import_module("ministack.app")
        loaded = {name: module._get_module(name) for name in MODULES}
        self._eventbridge = loaded["eventbridge"]
        self._lambda = loaded["lambda_svc"]
        self._s3 = loaded["s3"]
        self._dynamodb = loaded["dynamodb"]
        self._logs = loaded["cloudwatch_logs"]
        self._module = module
        self._runtime: Any = import_module("ministack.core.lambda_runtime")
        logging.getLogger("persistence").setLevel(logging.WARNING)
        replace(module, "BANNER", "")
        self.app: ASGI = module.app
        self.on_stop: Callable[[], None] = lambda: None
        """Called after an execution was stopped."""
        services.use_server_key(self._lambda, self._runtime, access_key, secret_key)
        services.accept_server_key(self._s3, access_key, secret_key)
        self._patch(loaded["sqs"], loaded["cloudwatch"])
        self.step_functions = self._own_engine(loaded["stepfunctions"])
        self._objects = Objects(self._s3)
        folder = Path(import_module("ministack.core.persistence").STATE_DIR)
        self._durable = Durable(module, loaded, folder)
        self._durable.on_save = self._objects.sync
        self.background = BackgroundTasks(loaded["stepfunctions"], self._eventbridge, self._lambda)
        self._durable.is_running = self.background.is_running

    def _patch(self, sqs: Any, cloudwatch: Any) -> None:
        services.shorten_delays(self._lambda, self._runtime)
        services.fix_queue_port(sqs)
        services.complete_events(self._s3, self._eventbridge)
        services.use_account_key(self._s3)
        alarms.patch(cloudwatch)
        queries.patch(self._dynamodb)

    def _own_engine(self, module: Any) -> StepFunctions:
        machine_versions.patch(module)
        own = StepFunctions(module, WAIT_SCALE, lambda: self.on_stop())
        functions = FunctionTasks(self._lambda, self._runtime, module._resolve_lambda_function_ref)
        own.register(LAMBDA_INVOKE, functions.run)
        sns, policies = map(import_module, ("ministack.services.sns", "ministack.core.iam_evaluator"))
        regexes.limit_in(sns, self._logs, module, self._s3, policies)
        return own

    def register(self, prefix: str, handler: Handler) -> None:
        """Perform tasks whose resource starts with `prefix` with `handler`."""
        self.step_functions.register(prefix, handler)

    def publish(self, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Send an event to the default bus as an AWS service. Thread-safe."""
        entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail)}
        self._eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

    def get_object(
        self, bucket: str, key: str, version: str = "", byte_range: str = ""
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and body of S3's GetObject. `byte_range` is a Range header. Thread-safe."""
        query = {"versionId": [version]} if version else {}
        request = {"range": byte_range} if byte_range else {}
        status, headers, body = self._s3._get_object(bucket, key, request, query)
        return status, headers, body

    def items(self, table: str, index: str, name: str, value: str) -> list[dict[str, Any]]:
        """Return the first page of the index's items whose attribute `name` is `value`."""
        request = {
            "TableName": table,
            "IndexName": index,
            "KeyConditionExpression": "#name = :value",
            "ExpressionAttributeNames": {"#name": name},
            "ExpressionAttributeValues": {":value": {"S": value}},
        }
        _, _, body = self._dynamodb._query(request)
        items: list[dict[str, Any]] = json.loads(body).get("Items", [])
        return items

    def warm(self, function: str) -> None:
        """Start a function's process, so that its first event does not wait for the imports."""
        record = self._lambda._functions.get(function)
        if record is None or not record.get("code_zip"):
            return
        worker, _ = self._runtime.acquire_worker(function, record["config"], record["code_zip"])
        # Release it before it has started: an event that arrives now uses this process, not another one.
        self._runtime.release_worker(worker)
        try:
            self._runtime.ensure_spawned(worker)
        except (OSError, RuntimeError) as error:
            log.warning("%s did not start: %s", function, error)

    def start_with_bytecode(self, archive: bytes, compiled: bytes) -> None:
        """Start functions whose code is `archive` from `compiled`: the same files with their bytecode."""
        services.start_with_bytecode(self._runtime, archive, compiled)

    def serve_logs(self, logs: ServedLogs) -> LogService:
        """Keep log events in `logs` instead of ministack. The result serves requests for them."""
        return LogService(self._module, self._logs, self._lambda, logs)

    def report_restore(self, progress: Callable[[str], None]) -> None:
        """Call `progress` with each step of the restore."""
        self._durable.progress = progress

    def require_restored(self) -> None:
        """Raise the error of the restore, if it failed. Nothing is saved then."""
        if self._durable.failure:
            raise self._durable.failure

    def save(self) -> bool:
        """Save the state of every service, one file each, atomically. Return False if that failed.

        Thread-safe.
        """
        return self._durable.save()

    def checkpoint(self) -> None:
        """Write everything into the main files, so that the state folder can be copied."""
        self._durable.checkpoint()
