from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.sagemaker_local.world import IMAGE, ROLE
from tests.support.processes import command_lines
from tests.support.waiting import until
from uv import find_uv_bin

from sagemaker_local.api.protocol import ApiError, InvokeResult
from sagemaker_local.sandbox.isolation import Isolation, probe

ARN = "arn:aws:sagemaker:us-east-1:000000000000:endpoint/"
JSON = {"content-type": "application/json"}
ECHO = """
import json
def model_fn(folder): return "MARK"
def input_fn(body, content_type): return json.loads(body)
def predict_fn(data, model): return {"model": model, "data": data}
def output_fn(prediction, accept): return json.dumps(prediction), accept
"""


def invoke(world: Any, name: str, data: Any = 1, **headers: str) -> Any:
    result: InvokeResult = world.service.invoke(name, json.dumps(data).encode(), {**JSON, **headers})
    assert result.status == 200, result.body
    return json.loads(result.body)


def processes(world: Any) -> list[int]:
    """Every process whose command line names this world's folder."""
    return [process for process, line in command_lines().items() if str(world.settings.root) in line]


def test_creates_answers_and_deletes(world: Any) -> None:
    found = world.deploy("house")
    assert (found["EndpointStatus"], found["EndpointConfigName"], found["EndpointArn"]) == (
        "InService",
        "house",
        ARN + "house",
    )
    assert found["ProductionVariants"][0]["CurrentWeight"] == 1.0
    assert invoke(world, "house", [1, 2]) == {"model": "house", "data": [1, 2]}
    assert processes(world)
    world.call("DeleteEndpoint", EndpointName="house")
    gone(world, "house")
    assert processes(world) == []
    assert not (world.folder("house") / "1").exists()
    world.told("Endpoint", "EndpointStatus", "CREATING", "IN_SERVICE", "DELETING")
    with pytest.raises(ApiError) as refused:
        invoke(world, "house")
    assert str(refused.value) == "ValidationError: Endpoint house of account 000000000000 not found."


def gone(world: Any, name: str) -> None:
    until(lambda: not world.call("ListEndpoints", NameContains=name)["Endpoints"])
    with pytest.raises(ApiError) as refused:
        world.call("DescribeEndpoint", EndpointName=name)
    assert str(refused.value) == f'ValidationException: Could not find endpoint "{ARN}{name}".'


def test_endpoint_outlives_its_configuration_and_model(world: Any) -> None:
    world.deploy("house")
    world.call("DeleteEndpointConfig", EndpointConfigName="house")
    world.call("DeleteModel", ModelName="house")
    world.restart()
    assert invoke(world, "house")["model"] == "house"


def test_model_server_output_is_in_the_log_file_and_in_cloudwatch(world: Any) -> None:
    world.deploy("talking", 'print("hello from the model")\n' + ECHO.replace("MARK", "x"))
    assert "hello from the model" in next(world.folder("talking").glob("log-AllTraffic-*[0-9]")).read_text()
    logs = world.aws("logs")
    group = "/aws/sagemaker/Endpoints/talking"

    def delivered() -> bool:
        found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        streams = logs.describe_log_streams(logGroupName=group)["logStreams"] if found else []
        names = [
            stream["logStreamName"] for stream in streams if stream["logStreamName"].startswith("AllTraffic/")
        ]
        pages = [logs.get_log_events(logGroupName=group, logStreamName=name)["events"] for name in names]
        return "hello from the model" in [event["message"] for page in pages for event in page]

    until(delivered)


def test_model_exception_fails_the_endpoint_with_its_last_line(world: Any) -> None:
    found = world.deploy("broken", "def model_fn(folder):\n    raise ValueError('no weights here')\n")
    assert found["EndpointStatus"] == "Failed"
    assert found["FailureReason"].startswith(
        "The primary container for production variant AllTraffic did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )
    assert found["FailureReason"].endswith("ValueError: no weights here")
    assert processes(world) == []
    assert "Traceback" in next(world.folder("broken").glob("log-AllTraffic-*[0-9]")).read_text()
    world.told("Endpoint", "EndpointStatus", "CREATING", "FAILED")
    with pytest.raises(ApiError, match="not found"):
        invoke(world, "broken")
    with pytest.raises(ApiError, match="Cannot update failed endpoint"):
        world.call("UpdateEndpoint", EndpointName="broken", EndpointConfigName="broken")
    told = world.events[-1][1]
    assert (told["FailureReason"], told["CreationTime"]) == (
        found["FailureReason"],
        round(found["CreationTime"].timestamp() * 1000),
    )
    world.call("DeleteEndpoint", EndpointName="broken")
    gone(world, "broken")


@pytest.mark.parametrize("data", [b"this is no archive", b"\x1f\x8b\x08\x00broken"])
def test_corrupt_archive_fails_the_endpoint_and_leaves_no_files(world: Any, data: bytes) -> None:
    uri = world.put("corrupt", data)
    world.call(
        "CreateModel", ModelName="corrupt", PrimaryContainer={"Image": "own-image", "ModelDataUrl": uri}
    )
    world.create_config("corrupt", "corrupt")
    world.call("CreateEndpoint", EndpointName="corrupt", EndpointConfigName="corrupt")
    found = world.settled("corrupt")
    assert found["EndpointStatus"] == "Failed"
    assert found["FailureReason"].startswith(
        f'Failed to extract model data archive from URL "{uri}". Please ensure that the object located at the'
        " URL is a valid tar.gz archive."
    )
    assert processes(world) == []
    assert not (world.folder("corrupt") / "1").exists()


def test_model_archive_cannot_write_outside_its_folder(world: Any) -> None:
    uri = world.put_model("evil", {"../../escaped": "x"})
    world.call("CreateModel", ModelName="evil", PrimaryContainer={"Image": "own-image", "ModelDataUrl": uri})
    world.create_config("evil", "evil")
    world.call("CreateEndpoint", EndpointName="evil", EndpointConfigName="evil")
    assert world.settled("evil")["EndpointStatus"] == "Failed"
    assert list(world.settings.root.rglob("escaped")) == []


def test_image_without_an_environment_fails_the_endpoint(world: Any) -> None:
    world.create_model("strange", image="nobody/knows:1")
    world.create_config("strange", "strange")
    world.call("CreateEndpoint", EndpointName="strange", EndpointConfigName="strange")
    found = world.settled("strange")
    assert found["EndpointStatus"] == "Failed"
    assert found["FailureReason"].startswith("there is no Python environment for the image nobody/knows:1")


def test_update_under_load_fails_no_request(world: Any) -> None:
    world.deploy("live")
    world.create_model("next")
    world.create_config("next", "next")
    before = set(processes(world))
    answers: list[str] = []
    failures: list[BaseException] = []
    updated = threading.Event()

    def load() -> None:
        try:
            while not updated.is_set() or len(answers) < 400:
                answers.append(invoke(world, "live")["model"])
            answers.append(invoke(world, "live")["model"])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: answers)
    world.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="next")
    assert world.call("DescribeEndpoint", EndpointName="live")["EndpointConfigName"] in ("live", "next")
    found = world.settled("live")
    updated.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(answers) >= 400
    assert {"live", "next"} == set(answers)
    assert (found["EndpointConfigName"], invoke(world, "live")["model"]) == ("next", "next")
    until(lambda: not before & set(processes(world)) and not (world.folder("live") / "1").exists())


def waiting_for(gate: Path) -> str:
    """Says `gate.begun` first."""
    begun = f"open({f'{gate}.begun'!r}, 'w').close()"
    return (
        f"import os, time\n    {begun}\n    while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n    "
    )


def test_request_in_progress_completes_on_its_generation(world: Any, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    slow = f"def predict_fn(data, model):\n    {waiting_for(gate)}"
    script = ECHO.replace("MARK", "slow").replace("def predict_fn(data, model): ", slow)
    world.deploy("live", script)
    world.create_model("next")
    world.create_config("next", "next")
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(invoke(world, "live")["model"]))
    thread.start()
    until(tmp_path.joinpath("gate.begun").exists)
    world.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="next")
    assert world.settled("live")["EndpointConfigName"] == "next"
    assert invoke(world, "live")["model"] == "next"
    assert answers == []
    gate.touch()
    thread.join()
    assert answers == ["slow"]


def test_failed_update_keeps_the_previous_generation(world: Any) -> None:
    world.deploy("live")
    running = set(processes(world))
    world.create_model("bad", "def model_fn(folder):\n    raise ValueError('bad weights')\n")
    world.create_config("bad", "bad")
    world.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="bad")
    found = world.settled("live")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", "live")
    assert found["FailureReason"].endswith("ValueError: bad weights")
    assert invoke(world, "live")["model"] == "live"
    assert set(processes(world)) == running
    world.create_model("good")
    world.create_config("good", "good")
    world.call("UpdateEndpoint", EndpointName="live", EndpointConfigName="good")
    found = world.settled("live")
    assert "FailureReason" not in found
    assert invoke(world, "live")["model"] == "good"


def test_endpoint_in_progress_cannot_be_changed(world: Any, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(.01)\n" + ECHO
    world.create_model("slow", script)
    world.create_config("slow", "slow")
    world.call("CreateEndpoint", EndpointName="slow", EndpointConfigName="slow")
    message = f'Cannot update in-progress endpoint "{ARN}slow".'
    for operation, more in (("DeleteEndpoint", {}), ("UpdateEndpoint", {"EndpointConfigName": "slow"})):
        with pytest.raises(ApiError) as refused:
            world.call(operation, EndpointName="slow", **more)
        assert refused.value.message == message
    with pytest.raises(ApiError, match=f'Cannot create already existing endpoint "{ARN}slow".'):
        world.call("CreateEndpoint", EndpointName="slow", EndpointConfigName="slow")
    gate.touch()
    assert world.settled("slow")["EndpointStatus"] == "InService"


def test_closing_leaves_no_process_and_a_restart_serves_again(world: Any) -> None:
    world.deploy("house")
    world.restart()
    assert processes(world) == []
    assert world.call("DescribeEndpoint", EndpointName="house")["EndpointStatus"] == "InService"
    assert invoke(world, "house")["model"] == "house"


def test_creation_interrupted_by_close_continues_after_a_restart(world: Any, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(.01)\n" + ECHO
    world.create_model("slow", script)
    world.create_config("slow", "slow")
    world.call("CreateEndpoint", EndpointName="slow", EndpointConfigName="slow")
    world.service.close()
    assert processes(world) == []
    gate.touch()
    world.restart_closed()
    assert world.settled("slow")["EndpointStatus"] == "InService"
    assert invoke(world, "slow")["model"] == "slow"


def test_killed_model_server_restarts(world: Any) -> None:
    world.deploy("house")
    first = processes(world)
    for pid in first:
        with suppress(ProcessLookupError):  # they end together
            os.kill(pid, signal.SIGKILL)
    until(lambda: not set(first) & set(processes(world)))
    assert invoke(world, "house")["model"] == "house"
    assert processes(world)


def test_model_server_that_ends_during_a_response_is_a_model_error(world: Any) -> None:
    script = ECHO.replace(
        "return json.loads(body)", "import os; os._exit(3) if body == '0' else None; return json.loads(body)"
    )
    world.deploy("fragile", script)
    result = world.service.invoke("fragile", b"0", JSON)
    assert result.status == 424
    assert json.loads(result.body)["OriginalStatusCode"] == 502
    assert invoke(world, "fragile", 1)["data"] == 1


def test_weights_decide_and_can_be_changed(world: Any) -> None:
    for name in ("a", "b"):
        world.create_model(name)
    world.create_config("both", "a", "b")
    world.call("CreateEndpoint", EndpointName="both", EndpointConfigName="both")
    assert world.settled("both")["EndpointStatus"] == "InService"
    assert {invoke(world, "both")["model"] for _ in range(60)} == {"a", "b"}
    target = {"x-amzn-sagemaker-target-variant": "variant-b"}
    assert {invoke(world, "both", **target)["model"] for _ in range(10)} == {"b"}
    change = [
        {"VariantName": "variant-a", "DesiredWeight": 0.0},
        {"VariantName": "variant-b", "DesiredInstanceCount": 3},
    ]
    world.call("UpdateEndpointWeightsAndCapacities", EndpointName="both", DesiredWeightsAndCapacities=change)
    assert world.settled("both")["EndpointStatus"] == "InService"
    assert {invoke(world, "both")["model"] for _ in range(20)} == {"b"}
    first, second = world.call("DescribeEndpoint", EndpointName="both")["ProductionVariants"]
    assert (first["CurrentWeight"], second["CurrentInstanceCount"]) == (0.0, 3)
    world.restart()
    assert {invoke(world, "both")["model"] for _ in range(20)} == {"b"}
    with pytest.raises(ApiError, match="no production variant nobody"):
        world.call(
            "UpdateEndpointWeightsAndCapacities",
            EndpointName="both",
            DesiredWeightsAndCapacities=[{"VariantName": "nobody", "DesiredWeight": 1}],
        )
    world.call(
        "UpdateEndpoint", EndpointName="both", EndpointConfigName="both", RetainAllVariantProperties=True
    )
    assert world.settled("both")["ProductionVariants"][0]["CurrentWeight"] == 0.0


def test_lists_in_pages(world: Any) -> None:
    for name in ("one", "two", "three"):
        world.deploy(name)
    page = world.call("ListEndpoints", MaxResults=2, SortBy="Name", SortOrder="Ascending")
    assert [each["EndpointName"] for each in page["Endpoints"]] == ["one", "three"]
    rest = world.call(
        "ListEndpoints", MaxResults=2, SortBy="Name", SortOrder="Ascending", NextToken=page["NextToken"]
    )
    assert [each["EndpointName"] for each in rest["Endpoints"]] == ["two"]
    assert "NextToken" not in rest
    assert world.call("ListEndpoints", StatusEquals="Failed")["Endpoints"] == []
    assert [each["EndpointName"] for each in world.call("ListEndpoints", NameContains="o")["Endpoints"]] == [
        "two",
        "one",
    ]


def test_model_cannot_reach_the_users_account(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret-token")
    monkeypatch.setenv("MY_SECRET", "mine")
    script = ECHO.replace(
        "def predict_fn(data, model): return",
        "import os\ndef predict_fn(data, model): return dict(os.environ) or",
    )
    world.create_model("env", script, GIVEN="yes", AWS_PROFILE="work")
    world.create_config("env", "env")
    world.call("CreateEndpoint", EndpointName="env", EndpointConfigName="env")
    assert world.settled("env")["EndpointStatus"] == "InService"
    seen = invoke(world, "env")
    assert (seen["GIVEN"], seen["AWS_ENDPOINT_URL"], seen["AWS_ACCESS_KEY_ID"]) == (
        "yes",
        world.settings.url,
        "key",
    )
    assert not {"AWS_SESSION_TOKEN", "MY_SECRET", "AWS_PROFILE"} & seen.keys()


def test_code_from_s3_and_its_requirements(world: Any, tmp_path: Path) -> None:
    """The SageMaker SDK passes a script to the scikit-learn container as a separate tarball."""
    script = "import greeting\n" + ECHO.replace('return "MARK"', "return greeting.TEXT")
    code = world.put_model("source", {"serve_me.py": script, "greeting.py": 'TEXT = "from s3"\n'})
    model = world.put_model("weights", {"weights": "1"})
    container = {
        "Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
        "ModelDataUrl": model,
        "Environment": {"SAGEMAKER_PROGRAM": "serve_me.py", "SAGEMAKER_SUBMIT_DIRECTORY": code},
    }
    world.call("CreateModel", ModelName="sdk", PrimaryContainer=container)
    world.create_config("sdk", "sdk")
    world.call("CreateEndpoint", EndpointName="sdk", EndpointConfigName="sdk")
    found = world.settled("sdk")
    assert found["EndpointStatus"] == "InService", found
    assert invoke(world, "sdk")["model"] == "from s3"


def test_endpoint_serves_without_namespaces(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Isolation("rewritten paths", "for this test")
    monkeypatch.setattr("sagemaker_local.sandbox.launcher.probe", lambda: nowhere)
    world.restart()
    weights = "import os\n" + ECHO.replace('return "MARK"', 'return open("/opt/ml/model/weights").read()')
    model = world.put_model("plain", {"code/inference.py": weights, "weights": "heavy"})
    world.call(
        "CreateModel", ModelName="plain", PrimaryContainer={"Image": "own-image", "ModelDataUrl": model}
    )
    world.create_config("plain", "plain")
    world.call("CreateEndpoint", EndpointName="plain", EndpointConfigName="plain")
    assert world.settled("plain")["EndpointStatus"] == "InService"
    assert invoke(world, "plain")["model"] == "heavy"
    world.service.close()
    assert processes(world) == []
    world.restart_closed()


def test_requirements_are_installed_over_the_environment(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    root = world.settings.root.parent
    monkeypatch.setenv("SAGEMAKER_LOCAL_CACHE", str(root / "cache"))
    subprocess.run(
        [find_uv_bin(), "venv", "--quiet", "--python", sys.executable, str(root / "bare")], check=True
    )
    world.settings.overrides.write_text(f'[pythons]\nbare = "{root}/bare/bin/python"\n')
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("greeting.py", 'TEXT = "installed"\n')
        file.writestr(
            "greeting-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n"
        )
        file.writestr("greeting-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        file.writestr("greeting-1.0.dist-info/RECORD", "")
    name = "greeting-1.0-py3-none-any.whl"
    script = "import greeting\n" + ECHO.replace('return "MARK"', "return greeting.TEXT")
    files = {"code/inference.py": script, "code/requirements.txt": f"./{name}\n"}
    model = world.put_model("needy", files, {f"code/{name}": wheel.getvalue()})
    world.call("CreateModel", ModelName="needy", PrimaryContainer={"Image": "bare", "ModelDataUrl": model})
    world.create_config("needy", "needy")
    world.call("CreateEndpoint", EndpointName="needy", EndpointConfigName="needy")
    found = world.settled("needy")
    assert found["EndpointStatus"] == "InService", found
    assert invoke(world, "needy")["model"] == "installed"
    assert not list((root / "bare").rglob("greeting*"))


CONNECT = """\
import json, os, socket, urllib.parse


def model_fn(folder):
    return None


def transform_fn(model, body, content_type, accept):
    url = urllib.parse.urlparse(os.environ["AWS_ENDPOINT_URL"])
    try:
        socket.create_connection((url.hostname, url.port), 5).close()
    except OSError:
        return json.dumps("unreachable"), accept
    return json.dumps("reached"), accept
"""


@pytest.mark.skipif(not probe().mode, reason="this system forbids namespaces")
@pytest.mark.parametrize(("isolated", "answer"), [(True, "unreachable"), (False, "reached")])
def test_isolated_model_reaches_no_service(world: Any, isolated: bool, answer: str) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": world.put_model("house", {"code/inference.py": CONNECT})}
    world.call(
        "CreateModel",
        ModelName="house",
        PrimaryContainer=container,
        ExecutionRoleArn=ROLE,
        EnableNetworkIsolation=isolated,
    )
    world.create_config("house", "house")
    world.call("CreateEndpoint", EndpointName="house", EndpointConfigName="house")
    assert world.settled("house")["EndpointStatus"] == "InService"
    assert invoke(world, "house") == answer
