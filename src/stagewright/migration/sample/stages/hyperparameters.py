"""Hyperparameters with the names that the script declares, without those of the SageMaker SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.migration.converted import Stage
from stagewright.migration.sample.scripts import declared_options
from stagewright.migration.sample.stages.conversion import Conversion
from stagewright.migration.scalars import number_or_text as number

SDK = {
    "sagemaker_container_log_level",
    "sagemaker_estimator_class_name",
    "sagemaker_estimator_module",
    "sagemaker_job_name",
    "sagemaker_region",
}
"""Hyperparameters that the SageMaker SDK sets for itself."""
SCRIPT_MODE = {"sagemaker_program", "sagemaker_submit_directory"}


def hyperparameters(of: Conversion, section: str, block: str, script: str) -> Stage:
    values = {}
    for name, value in of.item.mapping(section, block).items():
        if name in SDK:
            of.note(
                f"{section}.{block}.{name}",
                "dropped: the SageMaker SDK sets it for itself",
                "Stagewright sets the parameters of script mode",
            )
        elif name not in SCRIPT_MODE:
            values[name] = of.paths.uri(value) if str(value).startswith("s3://") else number(value)
    return {"hyperparameters": renamed(of, f"{section}.{block}", values, script)} if values else {}


def renamed(of: Conversion, path: str, values: Mapping[str, Any], script: str) -> dict[str, Any]:
    """Rename hyperparameters to the options of the script: `n_estimators` to a declared `--n-estimators`."""
    known = declared_options(of.scripts.files.get(script, b""))
    result = {}
    for name, value in values.items():
        variants = (name.replace("_", "-"), name.replace("-", "_"))
        variant = next((candidate for candidate in variants if f"--{candidate}" in known), name)
        option = name if f"--{name}" in known or not known else variant
        if option != name:
            of.note(f"{path}.{name}", f"renamed to {option}, which {script} declares; it ignores {name}")
        elif known and f"--{name}" not in known:
            of.note(
                f"{path}.{name}",
                f"{script} declares no such option",
                "remove it unless the script reads it in another way",
            )
        result[option] = value
    return result
