"""Checks that the objects and lists of SageMaker requests are objects and lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stagewright.document.schema_errors import shown
from stagewright.errors import Problem


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


OBJECTS = _words("""
    Arguments ProcessingResources ClusterConfig AppSpecification ProcessingOutputConfig S3Input S3Output
    StoppingCondition NetworkConfig VpcConfig Environment AlgorithmSpecification ResourceConfig
    OutputDataConfig DataSource S3DataSource HyperParameters StaticHyperParameters TrainingJobDefinition
    HyperParameterTuningJobConfig HyperParameterTuningResourceConfig ResourceLimits ParameterRanges
    HyperParameterTuningJobObjective TuningObjective CheckpointConfig PrimaryContainer InferenceSpecification
    ModelMetrics ModelQuality Statistics Constraints DriftCheckBaselines TransformInput TransformOutput
    TransformResources DataProcessing CacheConfig
""")
LISTS = _words("""
    Steps IfSteps ElseSteps ProcessingInputs Outputs InputDataConfig MetricDefinitions Containers
    PropertyFiles RetryPolicies OutputParameters IntegerParameterRanges ContinuousParameterRanges
    CategoricalParameterRanges
""")
"""Lists of objects."""
TEXTS = _words("""
    Name ChannelName InputName OutputName PropertyFileName FilePath LocalPath Type InstanceType ImageUri
    TrainingImage Image S3UploadMode S3DataDistributionType SplitType ModelApprovalStatus
""")
"""Texts, or expressions that stand for one."""
WORDS = _words("ContainerEntrypoint ContainerArguments")
"""Lists of texts, numbers and expressions."""
REMEDY = "correct it as the SageMaker API has it"


def shape_problems(value: Any, path: str = "") -> Iterator[Problem]:
    """Problems of a request, or of an object that has requests in it. Nothing (null) is absent."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from shape_problems(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            inner = f"{path}.{key}" if path else str(key)
            if item is not None and (wanted := _wanted(str(key), item)):
                yield Problem(inner, f"must be {wanted}, not {shown(item)}", REMEDY)
            else:
                yield from shape_problems(item, inner)


def _wanted(key: str, value: Any) -> str:
    """What the value of a key must be. Empty: it is that, or anything is right."""
    if key in OBJECTS and (not isinstance(value, dict) or _is_expression(value)):
        return "an object"
    if key in LISTS and not _is_list(value, dict):
        return "a list of objects"
    if key in WORDS and not _is_list(value, str | int | float | dict):
        return "a list of texts"
    if key in TEXTS and not (isinstance(value, str) or _is_expression(value)):
        return "a text"
    return ""


def _is_list(value: Any, of: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, of) for item in value)


def _is_expression(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and str(next(iter(value))).startswith(("Get", "Std:"))
