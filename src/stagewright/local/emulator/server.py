"""ministack in this process: started as we need it, and talked to.

ministack is an AWS emulator in Python: it answers S3, DynamoDB, EventBridge, SQS, Lambda, Step Functions
and the rest. It offers no extension points, so it is given its environment, imported, and changed; all that
depends on its inside is for exactly one version of it:

- engine.py: its Step Functions engine;
- callbacks.py: a task that waits for a token is woken when its execution is stopped;
- invocation.py: a Lambda function is called, and fails, as in the optimized integration;
- amendments.py, encryption.py: its other services;
- work.py: what goes on without a request;
- durable.py: how its memory is kept.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from sagemaker_local.state_folder import ACCOUNT, REGION
from stagewright.errors import TargetError
from stagewright.local.emulator import alarms, callbacks, engine, invocation, patches
from stagewright.local.emulator.background import Work
from stagewright.local.emulator.durable import Durable
from stagewright.local.emulator.engine import Handler
from stagewright.local.emulator.patches import use_account_key
from stagewright.local.state import State

VERSION = "1.5.33"
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
"""Step Functions waits and retry intervals take this part of their time: 5 s become 0.1 s."""
FOREIGN_PREFIXES = ("MINISTACK_", "LOCALSTACK_", "LAMBDA_", "SFN_", "S3_", "IOT_")
FOREIGN_NAMES = ("AUTH", "USE_SSL", "EDGE_PORT", "DEFAULT_REGION")

ASGI = Callable[
    [MutableMapping[str, Any], Callable[..., Awaitable[Any]], Callable[..., Awaitable[Any]]], Awaitable[None]
]

log = logging.getLogger(__name__)


def prepare(variables: MutableMapping[str, str], state: State, port: int) -> None:
    """Makes `variables` (os.environ) what ministack is to read, whatever the user has set for another one."""
    for name in [name for name in variables if name.startswith(FOREIGN_PREFIXES) or name in FOREIGN_NAMES]:
        del variables[name]
    variables.update(environment(state, port))


def environment(state: State, port: int) -> dict[str, str]:
    """What ministack reads from the process environment when it is imported."""
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
    """TargetError unless the installed ministack is the one that this module knows."""
    try:
        found = metadata.version("ministack")
    except metadata.PackageNotFoundError:
        remedy = "pip install 'stagewright[local]'"
        raise TargetError("The local target needs ministack, which is not installed", remedy) from None
    if found != VERSION:
        message = f"The local target needs ministack {VERSION}, found {found}"
        raise TargetError(message, f"pip install ministack=={VERSION}")


class Ministack:
    """The emulator in this process. `os.environ` must hold `environment(...)` before one is made.

    `access_key` and `secret_key` are what Lambda functions sign with.
    """

    def __init__(self, access_key: str, secret_key: str) -> None:
        check_version()
        self._module = import_module("ministack.app")
        loaded = {name: self._module._get_module(name) for name in MODULES}
        self._step_functions = loaded["stepfunctions"]
        self._eventbridge = loaded["eventbridge"]
        self._lambda = loaded["lambda_svc"]
        self._s3 = loaded["s3"]
        self._dynamodb = loaded["dynamodb"]
        logging.getLogger("persistence").setLevel(logging.WARNING)
        self._module.BANNER = ""  # type: ignore[attr-defined]
        self.app: ASGI = self._module.app
        self.on_stop: Callable[[], None] = lambda: None
        """Called after an execution was stopped."""
        patches.give_workers_our_key(self._lambda, access_key, secret_key)
        self._mend(loaded)
        folder = Path(import_module("ministack.core.persistence").STATE_DIR)
        self._durable = Durable(self._module, loaded, folder)
        self.work = Work(self._step_functions, self._eventbridge, self._lambda)

    def _mend(self, loaded: Mapping[str, ModuleType]) -> None:
        runtime = import_module("ministack.core.lambda_runtime")
        patches.hurry(self._lambda, runtime)
        patches.pin_queue_urls(loaded["sqs"])
        patches.carry_versions(loaded["s3"], loaded["eventbridge"])
        patches.alarm_on_own_metric(loaded["cloudwatch"])
        alarms.mend(loaded["cloudwatch"])
        use_account_key(loaded["s3"])
        engine.mend(self._step_functions, lambda: self.on_stop())
        patches.mend(import_module("jsonata.timebox"))
        callbacks.mend(self._step_functions, engine.is_stopped, engine.ExecutionStoppedError)
        invocation.mend(self._step_functions, self._lambda, runtime)

    def register(self, prefix: str, handler: Handler) -> None:
        """Tasks whose resource starts with `prefix` go to `handler`, on the execution's thread."""
        engine.register(self._step_functions, prefix, handler)

    def publish(self, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
        """An event on the default bus as AWS itself would send it. Any thread."""
        entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail)}
        self._eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

    def get_object(
        self, bucket: str, key: str, version: str = "", span: str = ""
    ) -> tuple[int, Mapping[str, str], bytes]:
        """S3's own answer to GetObject: status, headers (as sent), body. `span` is a Range. Any thread."""
        query = {"versionId": [version]} if version else {}
        asked = {"range": span} if span else {}
        status, headers, body = self._s3._get_object(bucket, key, asked, query)
        return status, headers, body

    def items(self, table: str, index: str, name: str, value: str) -> list[dict[str, Any]]:
        """Of the index, those whose attribute `name` is `value`: one page of Query."""
        request = {
            "TableName": table,
            "IndexName": index,
            "KeyConditionExpression": "#name = :value",
            "ExpressionAttributeNames": {"#name": name},
            "ExpressionAttributeValues": {":value": {"S": value}},
        }
        _, _, body = self._dynamodb._query(request)
        found: list[dict[str, Any]] = json.loads(body).get("Items", [])
        return found

    def warm(self, function: str) -> None:
        """Starts a function's process, so that its first event does not wait for the imports."""
        record = self._lambda._functions.get(function)
        if record is None or not record.get("code_zip"):
            return
        runtime = import_module("ministack.core.lambda_runtime")
        worker, _ = runtime.acquire_worker(function, record["config"], record["code_zip"])
        runtime.release_worker(
            worker
        )  # at once: an event that comes now waits for this process, not for its own
        try:
            runtime.ensure_spawned(worker)
        except (OSError, RuntimeError) as error:
            log.warning("%s did not start: %s", function, error)

    def start_from(self, archive: bytes, other: bytes) -> None:
        """A function whose code is `archive` starts from `other`, which is the same with more beside it."""
        runtime = import_module("ministack.core.lambda_runtime")
        spawn = runtime.Worker._spawn

        def spawn_worker(worker: Any) -> None:
            code = worker.code_zip
            worker.code_zip = other if code == archive else code
            try:
                spawn(worker)
            finally:
                worker.code_zip = code

        runtime.Worker._spawn = spawn_worker

    def save(self) -> None:
        """Writes the state of every service, a file each, atomically. Any thread."""
        self._durable.save()
