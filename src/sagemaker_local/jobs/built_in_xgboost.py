"""AWS's built-in XGBoost: training jobs with the XGBoost image and without a script."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sagemaker_local.api.protocol import invalid, unsupported
from sagemaker_local.images.image_list import find

FRAMEWORK = "xgboost"
MODULE = "sagemaker_xgboost_container.training"
METRICS = Path(__file__).parents[1] / "toolkit/xgboost_metrics.json"
NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
NOT_HERE = {"_kfold": "", "_num_cv_round": "", "use_dask_gpu_training": "false"}
"""Hyperparameters that are not supported -> the value that changes nothing."""


def is_built_in(specification: Mapping[str, Any]) -> bool:
    """Whether the AlgorithmSpecification of a job without a script trains with the algorithm."""
    image = find(specification.get("TrainingImage", ""))
    return "ContainerEntrypoint" not in specification and image is not None and image.framework == FRAMEWORK


def metric_definitions() -> list[dict[str, str]]:
    """The MetricDefinitions that DescribeTrainingJob shows for the algorithm. In the log, a tab is `#011`."""
    names = [name for group in json.loads(METRICS.read_text()).values() for name in group]
    return [
        {"Name": f"{data}:{name}", "Regex": rf".*\[[0-9]+\].*#011{data}-{name}:{NUMBER}.*"}
        for name in names
        for data in ("train", "validation")
    ]


def check(request: Mapping[str, Any]) -> None:
    """Reject what the algorithm does here only on AWS, and metrics of the request's own."""
    if request["AlgorithmSpecification"].get("MetricDefinitions"):
        raise invalid(
            "You can't override the metric definitions for Amazon SageMaker algorithms. "
            "Please retry the request without specifying metric definitions."
        )
    if request["ResourceConfig"].get("InstanceCount", 1) > 1:
        raise unsupported("ResourceConfig.InstanceCount above 1 for the built-in XGBoost algorithm")
    for name, value in request.get("HyperParameters", {}).items():
        if name in NOT_HERE and value != NOT_HERE[name]:
            raise unsupported(f"HyperParameters.{name} of the built-in XGBoost algorithm")
