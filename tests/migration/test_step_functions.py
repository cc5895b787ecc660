"""The input file of mlops-stepfunctions in AWS's aiops-modules."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.migration.test_definitions import planned, read_back
from tests.support.tarballs import tarball

from stagewright.errors import DocumentError
from stagewright.migration.code_files import CodeFiles
from stagewright.migration.converted import ConvertedPipeline
from stagewright.migration.step_functions import convert, is_input

FILE = Path(__file__).parent / "step_functions/input.yaml"
SCRIPTS = {f"scripts/{name}.py": b"print()" for name in ("preprocessing", "train", "evaluation", "inference")}
CODE = {**SCRIPTS, "scripts/source.tar.gz": tarball({"inference.py": "print()"})}
DEPLOYED = {
    "MLOPS_BUCKET": "mlops-bucket",
    "MODEL_NAME": "demo",
    "AWS_REGION_NAME": "us-east-1",
    "IMAGE_URI": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
}
"""What the module's deployment writes in place of placeholders."""


def data(deployed: bool = False) -> dict[str, Any]:
    text = FILE.read_text()
    for placeholder, value in DEPLOYED.items() if deployed else ():
        text = text.replace(placeholder, value)
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def converted(source: dict[str, Any]) -> ConvertedPipeline:
    assert is_input(source)
    return convert(source, CodeFiles(CODE))


@pytest.mark.parametrize("deployed", [False, True])
def test_file_of_the_module_is_converted_read_back_and_planned(tmp_path: Path, deployed: bool) -> None:
    result = converted(data(deployed))
    stages = read_back(result, tmp_path).stages
    kinds = {name: stage.kind for name, stage in stages.items()}
    assert kinds == {
        "preprocessing": "processing", "training": "training", "evaluation": "processing",
        "model": "model", "transform": "transform",
    }  # fmt: skip
    assert {stage.action for stage in planned(result).stages} == {"run"}


def test_locations_of_earlier_sections_are_references() -> None:
    stages = converted(data()).document["stages"]
    assert stages["preprocessing"]["image"] == "sklearn-1.2-1"
    assert stages["training"]["entry_point"] == "train.py"
    assert stages["training"]["channels"] == {"training": "${stages.preprocessing.outputs.train}"}
    model = {"uri": "${stages.training.model}", "path": "/opt/ml/processing/model"}
    assert stages["evaluation"]["inputs"]["input"] == model
    assert stages["model"]["model"] == "${stages.training.model}"
    assert stages["transform"]["input"] == "${stages.preprocessing.outputs.test}/test_features.csv"
    assert stages["transform"]["model"] == "${stages.model.name}"


def test_section_that_does_not_run_is_off_and_the_next_does_not_wait_for_it() -> None:
    source = data()
    source["evaluation"]["run"] = False
    stages = converted(source).document["stages"]
    assert stages["evaluation"]["enabled"] is False
    assert stages["model"]["after"] == ["training"]


def test_missing_section_and_script_are_reported_together() -> None:
    source = copy.deepcopy(data())
    source["training"]["input"] = None
    with pytest.raises(DocumentError) as raised:
        convert(source, CodeFiles({}))
    paths = {problem.path for problem in raised.value.problems}
    assert {"training.input", "preprocessing.ProcessingInputs"} <= paths
