"""Patches of Lambda: invocations from Step Functions, and the error of a failed function.

ministack's result differs from that of the optimized integration, and it drops the class of an exception.
These patches do as AWS does:

- The result is Invoke's response with SdkHttpMetadata and SdkResponseMetadata ("Invoke an AWS Lambda function
  with Step Functions", developer guide; recorded executions). Without Payload, a function receives `{}`.
- An exception fails the task. The error is its class, the cause is the runtime's JSON (Lambda guide, "Lambda
  function handler errors in Python": errorMessage, errorType, requestId, stackTrace).
- Errors of Lambda itself have the prefix `Lambda.` ("Handle transient Lambda service exceptions").
"""

from __future__ import annotations

import contextvars
import json
import uuid
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

from stagewright.local.emulator.patches import replace
from stagewright.local.step_functions.errors import RUNTIME, StateError
from stagewright.local.step_functions.tasks import Task
from stagewright.local.step_functions.values import encode

LAMBDA_INVOKE = "arn:aws:states:::lambda:invoke"
FIELDS = ("FunctionName", "Payload", "Qualifier")
DIED = "Worker process died"
"""ministack's message for a function whose process ended during the invocation."""
FRAME = "  File "

_trace: contextvars.ContextVar[str] = contextvars.ContextVar("_trace", default="")


class FunctionTasks:
    """The optimized integration, with ministack's Lambda. `resolve` turns a function's name into an ARN."""

    def __init__(self, functions: Any, runtime: Any, resolve: Callable[..., str]) -> None:
        self._functions = functions
        self._resolve = resolve
        _keep_exceptions(functions, runtime)

    def run(self, task: Task) -> dict[str, Any]:
        result: dict[str, Any] = task.interruptible(lambda: self._invoke(task.arguments))
        return result

    def _invoke(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        for field in arguments:
            if field not in FIELDS:
                raise StateError(RUNTIME, f"not supported by the local lambda:invoke: {field}")
        if not arguments.get("FunctionName"):
            raise StateError(RUNTIME, 'The field "FunctionName" is required but was missing')
        name = ":".join(filter(None, [arguments["FunctionName"], arguments.get("Qualifier")]))
        reference = self._resolve(name, optimized=True)
        function, config, _ = self._functions._get_func_record_for_ref(reference)
        if not function or not config:
            code = "ResourceNotFoundException"
            raise StateError(f"Lambda.{code}", f"Function not found: {name} ({_details(404, code)})")
        record = self._functions._execution_record_for_config(function, config)
        answer = self._functions._execute_function_with_config_scope(record, arguments.get("Payload", {}))
        body = answer.get("body")
        if answer.get("throttle"):
            code = "TooManyRequestsException"
            raise StateError(f"Lambda.{code}", f"{body['message']} ({_details(429, code)})")
        if answer.get("error"):
            raise StateError(body.get("errorType", "Lambda.Unknown"), json.dumps(body))
        return _checked(_result(body, config.get("Version", "$LATEST")))


def _checked(result: dict[str, Any]) -> dict[str, Any]:
    """Return the result, or raise the error of Step Functions for what is no JSON."""
    try:
        encode(result["Payload"])
    except ValueError:
        message = "the function's answer has NaN or an infinity, which are no numbers in JSON"
        raise StateError("Lambda.Unknown", message) from None
    return result


def _result(payload: Any, version: str) -> dict[str, Any]:
    request_id = str(uuid.uuid4())
    headers = {
        "Content-Length": str(len(json.dumps(payload).encode())),
        "Content-Type": "application/json",
        "Date": formatdate(usegmt=True),
        "X-Amz-Executed-Version": version,
        "x-amzn-RequestId": request_id,
    }
    return {
        "ExecutedVersion": version,
        "Payload": payload,
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
        "StatusCode": 200,
    }


def _details(status: int, code: str) -> str:
    return f"Service: AWSLambda; Status Code: {status}; Error Code: {code}; Request ID: {uuid.uuid4()}"


def _keep_exceptions(functions: Any, runtime: Any) -> None:
    """Return a function's exception to the caller. ministack only logs the traceback."""
    invoke, execute = runtime.Worker.invoke, functions._execute_function_warm

    def invoke_worker(worker: Any, *arguments: Any, **keywords: Any) -> Any:
        answer = invoke(worker, *arguments, **keywords)
        _trace.set(answer.get("trace", ""))
        return answer

    def execute_function(function: Any, event: Any, request_id: str) -> Any:
        _trace.set("")
        answer = execute(function, event, request_id)
        if answer.get("error") and not answer.get("throttle"):
            answer["body"] = _error_body(answer["body"], _trace.get(), request_id)
        return answer

    replace(runtime.Worker, "invoke", invoke_worker)
    replace(functions, "_execute_function_warm", execute_function)


def _error_body(body: dict[str, Any], trace: str, request_id: str) -> dict[str, Any]:
    if body["errorMessage"] == DIED:
        message = f"RequestId: {request_id} Error: Runtime exited without providing a reason"
        return {"errorMessage": message, "errorType": "Runtime.ExitError"}
    if not trace:
        return body
    last = trace.rpartition("Traceback (most recent call last):\n")[2]
    frames, name = _parse(last)
    return {**body, "errorType": name, "requestId": request_id, "stackTrace": frames[1:]}


def _parse(traceback: str) -> tuple[list[str], str]:
    """Return the frames and the exception's class. The first frame is ministack's call of the handler."""
    frames: list[str] = []
    for line in traceback.splitlines(keepends=True):
        if line.startswith(FRAME):
            frames.append(line)
        elif line.startswith(" "):
            frames[-1] += line
        else:
            return frames, line.partition(":")[0].strip().rpartition(".")[2]
    return frames, ""
