"""Everything of ours that depends on ministack's inside, for exactly one version of it.

ministack is an AWS emulator in Python: it answers S3, DynamoDB, EventBridge, SQS, Lambda, Step Functions
and the rest. It offers no extension points, so this module sets its environment, imports it, and changes
what we need changed:

- tasks of its Step Functions engine can go to our handlers, which know their execution and their timeout;
- a stopped execution stays stopped, and starts no further task; an error that AWS lets nobody catch ends
  it;
- a task that waits for a token is woken when its execution is stopped (callbacks.py);
- a Lambda function is called, and fails, as in the optimized integration (invocation.py);
- Lambda workers are given this server's key instead of an account number;
- S3's events carry the object's version, as they do on AWS;
- queue URLs do not depend on the port, so that queues survive a change of port.

work.py has what goes on without a request, durable.py how its memory is kept.
"""

from __future__ import annotations

import contextvars
import json
import logging
import math
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import partialmethod
from importlib import import_module, metadata
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from stagewright.errors import TargetError
from stagewright.local import alarms, callbacks, invocation
from stagewright.local.durable import Durable
from stagewright.local.encryption import use_account_key
from stagewright.local.state import ACCOUNT, REGION, State
from stagewright.local.work import Work

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
TERMINAL_ERRORS = ("States.Runtime", "States.DataLimitExceeded")
QUEUE_NETLOC_PORT = "4566"

ASGI = Callable[
    [MutableMapping[str, Any], Callable[..., Awaitable[Any]], Callable[..., Awaitable[Any]]], Awaitable[None]
]

log = logging.getLogger(__name__)


class TaskError(Exception):
    """How a handler fails its task: the error name that Catch and Retry see, and the cause."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class ExecutionStoppedError(Exception):
    """The execution ended under a running task. No Catch sees it."""


@dataclass(frozen=True)
class Task:
    """One attempt of a task: what the state machine asks for, and for how long (seconds; None: for ever)."""

    resource: str
    arguments: Any
    timeout: float | None
    execution: Mapping[str, Any]

    @property
    def stopped(self) -> bool:
        return bool(self.execution.get("status", "RUNNING") != "RUNNING")


Handler = Callable[[Task], Any]


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
        _give_workers_our_key(self._lambda, access_key, secret_key)
        runtime = import_module("ministack.core.lambda_runtime")
        _hurry(self._lambda, runtime)
        _pin_queue_urls(loaded["sqs"])
        _carry_versions(loaded["s3"], loaded["eventbridge"])
        _alarm_on_own_metric(loaded["cloudwatch"])
        alarms.mend(loaded["cloudwatch"])
        use_account_key(loaded["s3"])
        _patch_engine(self._step_functions, lambda: self.on_stop())
        callbacks.mend(self._step_functions, _is_stopped, ExecutionStoppedError)
        invocation.mend(self._step_functions, self._lambda, runtime)
        self._step_functions._sfn_jsonata_parse = _parse_json
        folder = Path(import_module("ministack.core.persistence").STATE_DIR)
        self._durable = Durable(self._module, loaded, folder)
        self.work = Work(self._step_functions, self._eventbridge, self._lambda)

    def register(self, prefix: str, handler: Handler) -> None:
        """Tasks whose resource starts with `prefix` go to `handler`, on the execution's thread."""
        failure = self._step_functions._ExecutionError

        def dispatch(resource: str, arguments: Any) -> Any:
            execution, timeout, full = _current.get()
            try:
                return handler(Task(full or resource, arguments, timeout, execution))
            except TaskError as error:
                raise failure(error.error, error.cause) from error

        self._step_functions._SERVICE_DISPATCH[prefix] = dispatch

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

    def has_any(self, table: str, index: str, name: str, value: str) -> bool:
        """Whether the index holds an item whose attribute `name` is `value`."""
        request = {
            "TableName": table,
            "IndexName": index,
            "KeyConditionExpression": "#name = :value",
            "ExpressionAttributeNames": {"#name": name},
            "ExpressionAttributeValues": {":value": {"S": value}},
            "Limit": 1,
        }
        _, _, body = self._dynamodb._query(request)
        return bool(json.loads(body).get("Items"))

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

    def save(self) -> None:
        """Writes the state of every service, a file each, atomically. Any thread."""
        self._durable.save()


_current: contextvars.ContextVar[tuple[Mapping[str, Any], float | None, str]] = contextvars.ContextVar(
    "_current", default=({}, None, "")
)
"""Of the task that this thread runs: its execution, its timeout, its whole resource."""
_version: contextvars.ContextVar[str] = contextvars.ContextVar("_version", default="")
_starting: contextvars.ContextVar[bool] = contextvars.ContextVar("_starting", default=False)


def _give_workers_our_key(lambda_svc: ModuleType, access_key: str, secret_key: str) -> None:
    key = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}
    for module in (lambda_svc, import_module("ministack.core.lambda_runtime")):
        module.execution_credentials = lambda _config: key  # type: ignore[attr-defined]


def _hurry(lambda_svc: ModuleType, runtime: ModuleType) -> None:
    """A function is ready, and an event reaches it, within milliseconds.

    One batch of a queue at a time: a second one would wait longer for its new process than for the first.
    """
    lambda_svc._LAMBDA_STATE_TRANSITION_DELAY = 0.005  # type: ignore[attr-defined]
    lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS = 0.002  # type: ignore[attr-defined]
    lambda_svc._ESM_SQS_DEFAULT_CONCURRENCY = 1  # type: ignore[attr-defined]
    drain = runtime.Worker._drain_stderr_bounded
    runtime.Worker._drain_stderr_bounded = partialmethod(drain, first_line_wait=0.01)


def _pin_queue_urls(sqs: ModuleType) -> None:
    """Queues are kept by URL; what a caller sees is rewritten to the host and port that it asked at."""
    sqs.DEFAULT_PORT = QUEUE_NETLOC_PORT  # type: ignore[attr-defined]
    sqs._CANONICAL_NETLOC = f"{sqs.DEFAULT_HOST}:{QUEUE_NETLOC_PORT}"  # type: ignore[attr-defined]


def _carry_versions(s3: ModuleType, eventbridge: ModuleType) -> None:
    """`object.version-id` of S3's events (S3 user guide, "EventBridge event message structure")."""
    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event

    def fire_event(*arguments: Any, **keywords: Any) -> None:
        _version.set(keywords.get("version_id") or "")
        fire(*arguments, **keywords)

    def dispatch_event(event: dict[str, Any], *arguments: Any, **keywords: Any) -> Any:
        if event["Source"] == "aws.s3" and _version.get():
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = _version.get()
            event = {**event, "Detail": json.dumps(detail)}
        return dispatch(event, *arguments, **keywords)

    s3._fire_s3_event = fire_event  # type: ignore[attr-defined]
    eventbridge._dispatch_event = dispatch_event  # type: ignore[attr-defined]


def _alarm_on_own_metric(cloudwatch: ModuleType) -> None:
    """An alarm sees the metric of exactly its dimensions; ministack takes every metric of that name."""
    evaluate = cloudwatch._evaluate_alarm

    def evaluate_alarm(alarm: dict[str, Any]) -> None:
        own = cloudwatch._dims_key({each["Name"]: each["Value"] for each in alarm.get("Dimensions") or ()})
        metrics = {key: points for key, points in cloudwatch._metrics.items() if key[2] == own}
        # The same function over fewer metrics: others may read the module's own meanwhile.
        FunctionType(evaluate.__code__, {**vars(cloudwatch), "_metrics": metrics})(alarm)

    cloudwatch._evaluate_alarm = evaluate_alarm  # type: ignore[attr-defined]


def _parse_json(text: str) -> Any:
    """`$parse` as JSON says: Python alone would take NaN, Infinity, and numbers that only become infinite."""

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is no number in JSON")

    def finite(number: str) -> float:
        return value if math.isfinite(value := float(number)) else refuse(number)

    return json.loads(text, parse_constant=refuse, parse_float=finite)


class _Clock:
    """`time` as the engine sees it, without its fixed pause of 150 ms before an execution's first state."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)

    @staticmethod
    def sleep(seconds: float) -> None:
        if _starting.get():
            _starting.set(False)
        else:
            time.sleep(seconds)


def _patch_engine(engine: Any, on_stop: Callable[[], None]) -> None:
    engine.time = _Clock
    engine._run_execution = _without_pause(engine._run_execution)
    engine._add_event = _one_at_a_time(engine._add_event)
    engine._fail_execution = _only_while_running(engine._fail_execution)
    engine._stop_execution = _then(engine._stop_execution, on_stop)
    engine._error_matches = _never_terminal(engine._error_matches)
    engine._execute_task = _knowing_its_execution(engine)


def _is_stopped() -> bool:
    """Whether the execution of the task that this thread runs has ended."""
    execution, _, _ = _current.get()
    return bool(execution.get("status", "RUNNING") != "RUNNING")


def _without_pause(run: Callable[[str], None]) -> Callable[[str], None]:
    def run_execution(arn: str) -> None:
        _starting.set(True)
        run(arn)

    return run_execution


def _one_at_a_time(add: Callable[..., Any]) -> Callable[..., Any]:
    """Event ids are counted: two branches at once must not get the same."""
    lock = threading.Lock()

    def add_event(*arguments: Any, **keywords: Any) -> Any:
        with lock:
            return add(*arguments, **keywords)

    return add_event


def _only_while_running(fail: Callable[..., None]) -> Callable[..., None]:
    """A task that fails because its execution was stopped must not turn ABORTED into FAILED."""

    def fail_execution(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    return fail_execution


def _then(first: Callable[[Any], Any], second: Callable[[], None]) -> Callable[[Any], Any]:
    def both(data: Any) -> Any:
        answer = first(data)
        second()
        return answer

    return both


def _never_terminal(matches: Callable[[list[str], str], bool]) -> Callable[[list[str], str], bool]:
    """States.ALL does not catch these two (AWS: "Handling errors in Step Functions workflows")."""

    def error_matches(names: list[str], error: str) -> bool:
        return error in names if error in TERMINAL_ERRORS else matches(names, error)

    return error_matches


def _knowing_its_execution(engine: Any) -> Callable[..., Any]:
    """Tasks of ours learn their execution and timeout; none starts when the execution has ended.

    TimeoutSeconds is evaluated here, since the engine takes a number only; and it is left to our handlers,
    since the engine would abandon a handler's thread together with the job that it waits for.
    """
    execute = engine._execute_task

    def execute_task(state: dict[str, Any], raw_input: Any, execution: dict[str, Any], context: Any) -> Any:
        if execution and execution["status"] != "RUNNING":
            raise ExecutionStoppedError(f"the execution is {execution['status']}")
        timeout = _timeout(engine, state, raw_input, context)
        ours = getattr(engine._SERVICE_DISPATCH.get(_prefix(engine, state)), "__module__", "") == __name__
        state = {name: value for name, value in state.items() if name != "TimeoutSeconds"}
        if timeout is not None and not ours:
            state["TimeoutSeconds"] = timeout
        _current.set((execution or {}, timeout, str(state.get("Resource", ""))))
        return execute(state, raw_input, execution, context)

    return execute_task


def _prefix(engine: Any, state: Mapping[str, Any]) -> str:
    resource = str(state.get("Resource", ""))
    return next((prefix for prefix in engine._SERVICE_DISPATCH if resource.startswith(prefix)), "")


def _timeout(engine: Any, state: dict[str, Any], raw_input: Any, context: Any) -> float | None:
    if "TimeoutSeconds" not in state:
        return None
    if engine._state_query_language(state, context) != "JSONata":
        return float(state["TimeoutSeconds"])
    return float(engine._jsonata_state_field(state, "TimeoutSeconds", "number", raw_input, context))
