"""Sample functions, and Lambda functions as tasks of Step Functions, through the API of a server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.waiting import until

from sagemaker_local.state_folder import Server
from stagewright.errors import ReleaseError
from stagewright.local import sample_functions
from stagewright.local import server as local
from stagewright.local.state import INSTALLATION

Connect = Callable[[str], Any]
CODE = """
import sys
from beside import NAME

class RefusedError(Exception):
    pass

def handler(event, context):
    if event.get("fail"):
        raise RefusedError("two\\nlines")
    if event.get("leave"):
        sys.exit(3)
    if event.get("sleep"):
        import time
        time.sleep(60)
    return {"name": NAME, "event": event}

def text(event, context):
    return '{"a": 1}'
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    code = tmp_path / "functions"
    code.mkdir()
    (code / "notify.py").write_text(CODE)
    (code / "beside.py").write_text("NAME = 'one'\n")
    return tmp_path


def call(client: Connect, task: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The ended execution of a machine with one task."""
    sfn = client("stepfunctions")
    state = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": task, "End": True}
    definition = {"QueryLanguage": "JSONata", "StartAt": "Call", "States": {"Call": {**state, **more}}}
    machine = sfn.create_state_machine(
        name=f"call-{time.monotonic_ns()}",
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::000000000000:role/r",
    )["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    until(lambda: sfn.describe_execution(executionArn=execution)["status"] != "RUNNING")
    return dict(sfn.describe_execution(executionArn=execution))


def test_function_is_updated_only_when_it_changed(server: Server, client: Connect, folder: Path) -> None:
    wanted = {"sample-notify": "functions/notify.py:handler"}
    assert sample_functions.put(server, folder, wanted) == ("sample-notify",)
    assert sample_functions.put(server, folder, wanted) == ()
    outcome = client("lambda").get_function(FunctionName="sample-notify")
    assert outcome["Tags"] == INSTALLATION.tags
    payload = call(client, {"FunctionName": "sample-notify", "Payload": {"a": 1}})["output"]
    assert json.loads(payload)["Payload"] == {"name": "one", "event": {"a": 1}}
    (folder / "functions/beside.py").write_text("NAME = 'two'\n")
    assert sample_functions.put(server, folder, wanted) == ("sample-notify",)
    result = json.loads(call(client, {"FunctionName": "sample-notify"})["output"])
    assert result["Payload"] == {"name": "two", "event": {}}


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("functions/none.py:handler", "none.py does not exist"),
        ("functions/notify.py", "is not file.py:function"),
    ],
)
def test_missing_function_is_an_error(server: Server, folder: Path, place: str, expected: str) -> None:
    with pytest.raises(ReleaseError, match=expected) as caught:
        sample_functions.put(server, folder, {"sample-none": place})
    assert "sample_functions.sample-none" in caught.value.message


def test_link_out_of_a_functions_folder_is_refused(server: Server, folder: Path) -> None:
    (folder / "secret").write_text("key")
    (folder / "functions/data").symlink_to(folder / "secret")
    with pytest.raises(ReleaseError, match="functions/data is a link out of"):
        sample_functions.put(server, folder, {"sample-link": "functions/notify.py:handler"})


def test_result_has_the_shape_of_the_integration(server: Server, client: Connect, folder: Path) -> None:
    sample_functions.put(server, folder, {"sample-text": "functions/notify.py:text"})
    arn = "arn:aws:lambda:us-east-1:000000000000:function:sample-text"
    result = json.loads(call(client, {"FunctionName": arn, "Payload": {}})["output"])
    assert result["Payload"] == '{"a": 1}'
    assert (result["StatusCode"], result["ExecutedVersion"]) == (200, "$LATEST")
    assert result["SdkHttpMetadata"]["HttpStatusCode"] == 200
    request_id = result["SdkResponseMetadata"]["RequestId"]
    assert result["SdkHttpMetadata"]["AllHttpHeaders"]["x-amzn-RequestId"] == [request_id]


def test_exception_is_the_error_and_its_json_the_cause(server: Server, client: Connect, folder: Path) -> None:
    sample_functions.put(server, folder, {"sample-fails": "functions/notify.py:handler"})
    outcome = call(client, {"FunctionName": "sample-fails", "Payload": {"fail": True}})
    assert (outcome["status"], outcome["error"]) == ("FAILED", "RefusedError")
    cause = json.loads(outcome["cause"])
    assert (cause["errorMessage"], cause["errorType"]) == ("two\nlines", "RefusedError")
    assert len(cause["stackTrace"]) == 1
    assert "in handler" in cause["stackTrace"][0]
    assert cause["requestId"]
    direct = client("lambda").invoke(FunctionName="sample-fails", Payload=b'{"fail": true}')
    assert direct["FunctionError"] == "Unhandled"
    assert json.loads(direct["Payload"].read())["errorType"] == "RefusedError"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"FunctionName": "sample-ends", "Payload": {"leave": True}}, "Runtime.ExitError"),
        ({"FunctionName": "none"}, "Lambda.ResourceNotFoundException"),
        ({"FunctionName": "sample-ends", "Qualifier": "7"}, "Lambda.ResourceNotFoundException"),
        ({"FunctionName": "sample-ends", "InvocationType": "Event"}, "States.Runtime"),
        ({"Payload": {}}, "States.Runtime"),
    ],
)
def test_other_failures_have_the_integrations_error_names(
    server: Server, client: Connect, folder: Path, arguments: dict[str, Any], error: str
) -> None:
    sample_functions.put(server, folder, {"sample-ends": "functions/notify.py:handler"})
    assert call(client, arguments)["error"] == error


def test_task_fails_after_its_own_timeout(server: Server, client: Connect, folder: Path) -> None:
    sample_functions.put(server, folder, {"sample-slow": "functions/notify.py:handler"})
    task = {"FunctionName": "sample-slow", "Payload": {"sleep": True}}
    assert call(client, task, TimeoutSeconds=1)["error"] == "States.Timeout"


SHELL = {
    "GITHUB_TOKEN": "hunter2",
    "PIP_PASSWORD": "hunter2",
    "UV_INDEX_OWN_PASSWORD": "hunter2",
    "PIP_INDEX_URL": "https://me:hunter2@index.example/simple",  # pragma: allowlist secret
    "HTTPS_PROXY": "http://me:hunter2@proxy.example",  # pragma: allowlist secret
}
ENVIRONMENT = """
import os

def handler(event, context):
    return dict(os.environ)
"""


def test_function_sees_no_secret_of_the_shell(
    state: Path, clients: Callable[[Server], Connect], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SHELL.items():
        monkeypatch.setenv(name, value)
    (folder / "functions/environment.py").write_text(ENVIRONMENT)
    with local.temporary(state) as server:
        sample_functions.put(server, folder, {"sample-environment": "functions/environment.py:handler"})
        answer = clients(server)("lambda").invoke(FunctionName="sample-environment")["Payload"].read()
    seen = json.loads(answer)
    assert "hunter2" not in json.dumps(seen)
    assert seen["PIP_INDEX_URL"] == "https://index.example/simple"
