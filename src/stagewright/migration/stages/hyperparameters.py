"""Hyperparameters under the names that the script declares, without those of the SageMaker SDK."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.migration.scripts import options
from stagewright.migration.stages.conversion import Conversion, Stage, number

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
    given = {}
    for name, value in of.item.mapping(section, block).items():
        if name in SDK:
            of.note(
                f"{section}.{block}.{name}",
                "dropped: the SageMaker SDK's own",
                "Stagewright sets what script mode needs",
            )
        elif name not in SCRIPT_MODE:
            given[name] = of.places.uri(value) if str(value).startswith("s3://") else number(value)
    return {"hyperparameters": renamed(of, f"{section}.{block}", given, script)} if given else {}


def renamed(of: Conversion, place: str, given: Mapping[str, Any], script: str) -> dict[str, Any]:
    """Under the names of the options that the script declares: `n_estimators` would be ignored by one that
    has `--n-estimators`."""
    known = options(of.scripts.files.get(script, b""))
    made = {}
    for name, value in given.items():
        twin = next(
            (each for each in (name.replace("_", "-"), name.replace("-", "_")) if f"--{each}" in known), name
        )
        called = name if f"--{name}" in known or not known else twin
        if called != name:
            of.note(f"{place}.{name}", f"is {called}: so {script} calls it, and would ignore {name}")
        elif known and f"--{name}" not in known:
            of.note(
                f"{place}.{name}",
                f"{script} declares no such option",
                "it may be read elsewhere; else remove it",
            )
        made[called] = value
    return made
