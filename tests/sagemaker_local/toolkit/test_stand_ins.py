"""Stand-ins for AWS's toolkits, imported as a job's script imports them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sagemaker_local.images.stand_ins import FOLDER, OF_FRAMEWORK, stand_ins

FRAMEWORK = "from sagemaker_containers.beta.framework import "
WAIT = "from {} import entry_point; print(entry_point._wait_hostname_resolution(['localhost']))"
CONFIG = {
    "hyperparameters": {"depth": "3", "name": "a b", "sagemaker_program": '"train.py"', "sagemaker_x": "1"},
    "resourceconfig": {
        "current_host": "algo-1",
        "hosts": ["algo-1", "algo-2"],
        "network_interface_name": "eth0",
    },
    "inputdataconfig": {"train": {}, "test": {}},
}


def python(code: str, base: Path, framework: str = "sklearn") -> str:
    """The output of a script with the framework's stand-ins at the end of its path."""
    start = f"import sys; sys.path += {[str(folder) for folder in stand_ins(framework)]}\n"
    done = subprocess.run(
        [sys.executable, "-c", start + code],
        env={"SAGEMAKER_BASE_DIR": str(base)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    folder = tmp_path / "input/config"
    folder.mkdir(parents=True)
    for name, content in CONFIG.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return tmp_path


@pytest.mark.parametrize(
    "line",
    [
        "import sagemaker_containers; env = sagemaker_containers.training_env()",
        "from sagemaker_containers.beta import framework; env = framework.env.TrainingEnv()",
        "from sagemaker_training import environment; env = environment.Environment()",
    ],
)
def test_script_reads_the_settings_of_its_job(base: Path, line: str) -> None:
    shown = "[env.hyperparameters, env.hosts, env.channel_input_dirs['test'], env.user_entry_point,"
    shown += " env.is_master, env.additional_framework_parameters, env['model_dir'], env.module_name]"
    assert json.loads(python(f"import json; {line}; print(json.dumps({shown}))", base)) == [
        {"depth": 3, "name": "a b"},
        ["algo-1", "algo-2"],
        str(base / "input/data/test"),
        "train.py",
        True,
        {"sagemaker_x": 1},
        str(base / "model"),
        "train",
    ]


def test_variables_of_the_script(base: Path) -> None:
    code = "from sagemaker_training import environment; import json\n"
    variables = json.loads(python(code + "print(json.dumps(environment.Environment().to_env_vars()))", base))
    assert variables["SM_HP_DEPTH"] == "3"
    assert variables["SM_CHANNEL_TRAIN"] == str(base / "input/data/train")
    assert variables["SM_HOSTS"] == '["algo-1","algo-2"]'
    assert json.loads(variables["SM_USER_ARGS"]) == ["--depth", "3", "--name", "a b"]


def test_outside_a_job_the_settings_are_empty(tmp_path: Path) -> None:
    code = (
        "from sagemaker_training import environment as e; print(e.Environment().hyperparameters, e.code_dir)"
    )
    assert python(code, tmp_path) == f"{{}} {tmp_path / 'code'}"


@pytest.mark.parametrize(
    ("code", "output"),
    [
        (FRAMEWORK + "encoders as e; print(e.encode([1, 2], 'text/csv'))", "1\n2"),
        (FRAMEWORK + "encoders as e; print(e.decode('1,2', 'text/csv'))", "[1. 2.]"),
        (
            FRAMEWORK + "worker; r = worker.Response('{}'); print(r.status_code, r.mimetype, r.get_data())",
            "200 application/json b'{}'",
        ),
        (
            FRAMEWORK + "transformer as t; print(t.default_output_fn([1], 'application/json').get_data())",
            "b'[1]'",
        ),
        (
            "from sagemaker_training.functions import *; print(matching_args(lambda a: 0, {'a': 1, 'c': 2}))",
            "{'a': 1}",
        ),
        (
            "from sagemaker_training.mapping import to_cmd_args as t; print(t({'b': {'x': 1}, 'a': None}))",
            "['-a', '', '-b', 'x=1']",
        ),
        ("from sagemaker_inference import encoder; print(encoder.encode([1], 'application/json'))", "[1]"),
        (WAIT.format("sagemaker_containers"), "None"),
        (WAIT.format("sagemaker_training"), "None"),
    ],
)
def test_functions_of_the_toolkits(tmp_path: Path, code: str, output: str) -> None:
    assert python(code, tmp_path) == output


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (
            FRAMEWORK + "encoders as e; e.decode('x', 'a/b')",
            "serialize the response. For more information, see the SageMaker Python SDK README.",
        ),
        (
            "import sagemaker_containers.beta.framework as f; f.server",
            "sagemaker_containers.beta.framework.server is not in the local SageMaker",
        ),
    ],
)
def test_what_is_not_supported_is_named(tmp_path: Path, code: str, problem: str) -> None:
    assert problem in python(code, tmp_path)


def test_source_folder_is_imported_as_a_module(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "inference.py").write_text("VALUE = 7\n")
    code = FRAMEWORK + "modules\n"
    assert python(code + f"print(modules.import_module({str(source)!r}, 'inference').VALUE)", tmp_path) == "7"


@pytest.mark.parametrize("framework", OF_FRAMEWORK)
def test_an_installed_package_comes_first(tmp_path: Path, framework: str) -> None:
    assert all(folder.parent == FOLDER and folder.is_dir() for folder in stand_ins(framework))
    assert python("print(sys.path[-1])", tmp_path, framework) == str(stand_ins(framework)[-1])


def test_an_image_has_only_its_own_toolkits(tmp_path: Path) -> None:
    assert "No module named" in python("import sagemaker_xgboost_container", tmp_path, "sklearn")
    assert "No module named" in python("import sagemaker_containers", tmp_path, "pytorch")
