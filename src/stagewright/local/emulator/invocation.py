"""Lambda functions as Step Functions' optimized integration calls them, and how they say that they failed.

ministack calls them, but its answer is not the integration's, and an exception loses its class. As on AWS:

- the result is Invoke's answer with SdkHttpMetadata and SdkResponseMetadata ("Invoke an AWS Lambda function
  with Step Functions", developer guide; recorded executions); without Payload a function gets `{}`;
- a function that raises fails the task with its exception's class as the error and the runtime's JSON as
  the cause (Lambda guide, "Lambda function handler errors in Python": errorMessage, errorType, requestId,
  stackTrace);
- errors of Lambda itself are `Lambda.` and their name ("Handle transient Lambda service exceptions").
"""

from __future__ import annotations

import contextvars
import json
import uuid
from collections.abc import Mapping
from email.utils import formatdate
from types import ModuleType
from typing import Any

from stagewright.local.emulator.engine import TOO_LARGE, excess

RESOURCE = "arn:aws:states:::lambda:invoke"
FIELDS = ("FunctionName", "Payload", "Qualifier")
DIED = "Worker process died"
"""What ministack says of a function whose process ended under it."""
FRAME = "  File "

_trace: contextvars.ContextVar[str] = contextvars.ContextVar("_trace", default="")


def mend(engine: Any, functions: ModuleType, runtime: ModuleType) -> None:
    """Changes ministack's Step Functions engine, its Lambda, and that one's processes."""
    _keep_exceptions(functions, runtime)
    otherwise = engine._invoke_resource

    def invoke_resource(resource: str, arguments: Any) -> Any:
        if resource == RESOURCE:
            return _invoke(engine, functions, arguments)
        return otherwise(resource, arguments)

    engine._invoke_resource = invoke_resource


def _invoke(engine: Any, functions: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    fail = engine._ExecutionError
    for field in arguments:
        if field not in FIELDS:
            raise fail("States.Runtime", f"not supported by the local lambda:invoke: {field}")
    if not arguments.get("FunctionName"):
        raise fail("States.Runtime", 'The field "FunctionName" is required but was missing')
    name = ":".join(filter(None, [arguments["FunctionName"], arguments.get("Qualifier")]))
    reference = engine._resolve_lambda_function_ref(name, optimized=True)
    found, config, _ = functions._get_func_record_for_ref(reference)
    if not found or not config:
        code = "ResourceNotFoundException"
        raise fail(f"Lambda.{code}", f"Function not found: {name} ({_where(404, code)})")
    record = functions._execution_record_for_config(found, config)
    answer = functions._execute_function_with_config_scope(record, arguments.get("Payload", {}))
    body = answer.get("body")
    if answer.get("throttle"):
        code = "TooManyRequestsException"
        raise fail(f"Lambda.{code}", f"{body['message']} ({_where(429, code)})")
    if answer.get("error"):
        raise fail(body.get("errorType", "Lambda.Unknown"), json.dumps(body))
    return _checked(engine, _result(body, config.get("Version", "$LATEST")))


def _checked(engine: Any, result: dict[str, Any]) -> dict[str, Any]:
    """The same, unless Step Functions could not read it, or would refuse it for its size."""
    try:
        json.dumps(result["Payload"], allow_nan=False)
    except ValueError:
        message = "the function's answer has NaN or an infinity, which are no numbers in JSON"
        raise engine._ExecutionError("Lambda.Unknown", message) from None
    if cause := excess(result):
        raise engine._ExecutionError(TOO_LARGE, cause)
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


def _where(status: int, code: str) -> str:
    return f"Service: AWSLambda; Status Code: {status}; Error Code: {code}; Request ID: {uuid.uuid4()}"


def _keep_exceptions(functions: Any, runtime: Any) -> None:
    """A process answers with a traceback, which ministack only logs: its exception becomes the answer."""
    invoke, execute = runtime.Worker.invoke, functions._execute_function_warm

    def invoke_worker(worker: Any, *arguments: Any, **keywords: Any) -> Any:
        answer = invoke(worker, *arguments, **keywords)
        _trace.set(answer.get("trace", ""))
        return answer

    def execute_function(function: Any, event: Any, request_id: str) -> Any:
        _trace.set("")
        answer = execute(function, event, request_id)
        if answer.get("error") and not answer.get("throttle"):
            answer["body"] = _failed(answer["body"], _trace.get(), request_id)
        return answer

    runtime.Worker.invoke = invoke_worker
    functions._execute_function_warm = execute_function


def _failed(body: dict[str, Any], trace: str, request_id: str) -> dict[str, Any]:
    if body["errorMessage"] == DIED:
        message = f"RequestId: {request_id} Error: Runtime exited without providing a reason"
        return {"errorMessage": message, "errorType": "Runtime.ExitError"}
    if not trace:
        return body
    last = trace.rpartition("Traceback (most recent call last):\n")[2]
    frames, name = _read(last)
    return {**body, "errorType": name, "requestId": request_id, "stackTrace": frames[1:]}


def _read(traceback: str) -> tuple[list[str], str]:
    """The frames, the first being ministack's own call of the handler, and the exception's class."""
    frames: list[str] = []
    for line in traceback.splitlines(keepends=True):
        if line.startswith(FRAME):
            frames.append(line)
        elif line.startswith(" "):
            frames[-1] += line
        else:
            return frames, line.partition(":")[0].strip().rpartition(".")[2]
    return frames, ""
