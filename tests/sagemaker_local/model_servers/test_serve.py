"""The model server as a separate process, without the service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.model_server import Start
from tests.support.waiting import PATIENCE

WHOLE = """
import json
def model_fn(folder):
    return {"factor": 2}
def input_fn(body, content_type):
    return json.loads(body)
def predict_fn(data, model):
    return [value * model["factor"] for value in data]
def output_fn(prediction, accept):
    return json.dumps(prediction), accept
"""


def test_answers_pings_and_invocations_on_one_connection(start: Start) -> None:
    server = start(WHOLE)
    assert server.get("/ping") == 200
    for number in range(20):
        assert server.post(json.dumps([number]), Content_Type="application/json") == (
            200,
            "application/json",
            json.dumps([2 * number]),
        )
    assert server.get("/elsewhere") == 404


def test_content_type_and_default_accept_reach_the_script(start: Start) -> None:
    script = """
def model_fn(folder):
    return folder
def transform_fn(model, body, content_type, accept):
    return repr([type(body).__name__, content_type, accept]), "text/plain"
"""
    server = start(script, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="text/csv")
    assert server.post("1,2", Content_Type="text/csv", Accept="*/*")[2] == "['str', 'text/csv', 'text/csv']"
    assert server.post(b"\x00", Content_Type="image/png", Accept="a/b")[2] == "['bytes', 'image/png', 'a/b']"


def test_reads_a_chunked_body(start: Start) -> None:
    server = start(WHOLE)
    server.connection.request(
        "POST",
        "/invocations",
        iter([b"[1,", b" 2]"]),
        {"Content-Type": "application/json"},
        encode_chunked=True,
    )
    assert server.connection.getresponse().read() == b"[2, 4]"


@pytest.mark.parametrize("framework", ["sklearn", "inference"])
def test_unknown_content_type_returns_415_and_unknown_accept_406(start: Start, framework: str) -> None:
    script = "def model_fn(folder): pass\ndef predict_fn(data, model): return 1\n"
    server = start(script, framework)
    status, _, text = server.post("x", Content_Type="image/png")
    assert (status, text.splitlines()[0]) == (
        415,
        "Content type image/png is not supported by this framework.",
    )
    server = start(script + "def input_fn(body, content_type): return body\n", framework)
    assert server.post("x", Content_Type="image/png", Accept="image/gif")[0] == 406


@pytest.mark.parametrize("framework", ["sklearn", "inference"])
def test_script_exception_returns_500_and_logs_the_traceback(start: Start, framework: str) -> None:
    server = start(
        WHOLE.replace("return [value", "raise ValueError('bad rows')\n    return [value"), framework
    )
    status, _, text = server.post("[1]", Content_Type="application/json")
    assert status == 500
    assert "bad rows" in text
    assert "line 8, in predict_fn" in server.log.read_text()
    assert server.get("/ping") == 200


def test_model_that_cannot_load_ends_the_process_with_the_reason(start: Start, tmp_path: Path) -> None:
    server = start("def model_fn(folder):\n    raise OSError('no weights')\n")
    assert server.process.wait(PATIENCE) == 1
    assert server.log.read_text().rstrip().endswith("OSError: no weights")
    assert not (tmp_path / "port").exists()


@pytest.mark.parametrize(
    ("script", "framework", "environment", "reason"),
    [
        ({"other.py": WHOLE}, "inference", {}, "No module named 'inference'"),
        (WHOLE, "sklearn", {"SAGEMAKER_PROGRAM": ""}, "SAGEMAKER_PROGRAM is not set"),
        ("def input_fn(a, b): pass", "inference", {}, "Please provide a model_fn implementation."),
        (
            WHOLE + "def transform_fn(m, b, c, a): pass\n",
            "inference",
            {},
            "Cannot use transform_fn implementation",
        ),
        ("def model_fn(folder): pass", "pytorch", {}, "The default input_fn of the pytorch container"),
    ],
)
def test_script_that_cannot_serve_reports_the_reason(
    start: Start, script: str | dict[str, str], framework: str, environment: dict[str, str], reason: str
) -> None:
    server = start(script, framework, **environment)
    assert server.process.wait(PATIENCE) == 1
    assert reason in server.log.read_text()


def test_framework_without_defaults_serves_a_complete_script(start: Start) -> None:
    assert start(WHOLE, "xgboost").post("[1]", Content_Type="application/json")[2] == "[2]"


@pytest.mark.parametrize("program", ["server.py", "handlers.py", "content.py", "json_.py"])
def test_user_modules_do_not_collide_with_the_servers(start: Start, program: str) -> None:
    script = "import toolkits\n" + WHOLE.replace('"factor": 2', '"factor": toolkits.FACTOR')
    server = start({program: script, "toolkits.py": "FACTOR = 3\n"}, program=program)
    assert server.post("[1]", Content_Type="application/json")[2] == "[3]"


@pytest.mark.parametrize(
    ("result", "content_type", "body"),
    [
        ("('a,b', 'text/csv')", "text/csv; charset=utf-8", "a,b"),
        ("'plain'", "text/html; charset=utf-8", "plain"),
        ("{'a': 1}", "application/json", '{"a":1}\n'),
        ("(b'bytes', 'application/x-own')", "application/x-own", "bytes"),
        ("worker.Response(encoders.encode([1, 2], accept), mimetype=accept)", "application/json", "[1, 2]"),
    ],
)
def test_sklearn_answers_as_flask_does(start: Start, result: str, content_type: str, body: str) -> None:
    script = f"""
from sagemaker_containers.beta.framework import encoders, worker
def model_fn(folder): pass
def transform_fn(model, body, content_type, accept): return {result}
"""
    assert start(script, "sklearn").post("x") == (200, content_type, body)


def test_functions_with_one_more_parameter_get_a_context(start: Start) -> None:
    script = """
from sagemaker_inference import content_types
def model_fn(folder, context):
    return context.system_properties["model_dir"].endswith("/model")
def input_fn(body, content_type): return body
def predict_fn(data, model, context): return [model, context is not None]
def output_fn(prediction, accept): return {"seen": prediction, "type": content_types.JSON}
"""
    answer = start(script).post("x", Content_Type="a/b")
    assert answer == (200, "application/json", '{"seen": [true, true], "type": "application/json"}')


def test_request_over_the_model_server_timeout_ends_the_process(start: Start) -> None:
    script = "import time\ndef model_fn(folder): pass\ndef transform_fn(m, b, c, a): time.sleep(60)\n"
    server = start(script, SAGEMAKER_MODEL_SERVER_TIMEOUT="0.2")
    with pytest.raises(OSError):
        server.post("x")
    assert server.process.wait(PATIENCE) == 1
    assert "WORKER TIMEOUT" in server.log.read_text()


def test_script_that_trains_on_import_fails_with_the_remedy(start):
    unguarded = "import argparse\nparser = argparse.ArgumentParser()\n"
    unguarded += "parser.add_argument('--n', required=True)\nparser.parse_args()\n"
    log = start(WHOLE + unguarded).log.read_text()
    last = log.splitlines()[-1]
    assert last.startswith("inference.py ended the process (exit code 2) when it was imported to be served")
    assert 'if __name__ == "__main__"' in log
    assert "--framework" not in log


def test_script_arguments_are_only_its_own_name(start):
    server = start("import sys\nassert len(sys.argv) == 1 and sys.argv[0].endswith('inference.py')\n" + WHOLE)
    assert server.get("/ping") == 200
