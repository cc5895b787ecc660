"""Steps that the SageMaker SDK adds to put an inference script into a model artifact. They become no stage:
the stage that serves the model names the script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.migration.pipelines.definition import Step
from stagewright.migration.requests.scripts import unquoted

PROGRAMS = ("_repack_model.py", "_repack_script_launcher.sh")
MODEL = "ModelArtifacts.S3ModelArtifacts"


def is_repack(step: Step) -> bool:
    return step.type == "Training" and unquoted(_parameters(step).get("sagemaker_program")) in PROGRAMS


def source(step: Step) -> Any:
    """The expression of the model that the step repacks: its channel `training`."""
    channels = step.arguments.get("InputDataConfig") or []
    first = channels[0] if channels else {}
    return ((first.get("DataSource") or {}).get("S3DataSource") or {}).get("S3Uri")


def script(step: Step) -> Mapping[str, Any]:
    """The variables of a serving container that name the script and its files."""
    parameters = _parameters(step)
    program = unquoted(parameters.get("inference_script"))
    uri = unquoted(parameters.get("source_dir") or parameters.get("sagemaker_submit_directory"))
    return {"SAGEMAKER_PROGRAM": program, "SAGEMAKER_SUBMIT_DIRECTORY": uri}


def repacked(container: dict[str, Any], steps: Mapping[str, Step]) -> dict[str, Any]:
    """The container with the script of the repack step that its model comes from."""
    url = container.get("ModelDataUrl")
    name = url.get("Get", "") if isinstance(url, dict) else ""
    step = next((step for key, step in steps.items() if name == f"Steps.{key}.{MODEL}"), None)
    if step is None or not script(step)["SAGEMAKER_PROGRAM"]:
        return container
    return {**container, "Environment": {**(container.get("Environment") or {}), **script(step)}}


def _parameters(step: Step) -> Mapping[str, Any]:
    parameters: Mapping[str, Any] = step.arguments.get("HyperParameters") or {}
    return parameters
