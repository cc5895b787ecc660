"""AWS's limits that a document can break, as far as the document alone shows it.

From botocore's service model of SageMaker (1.44): `ProcessingInputs`, `ProcessingOutputs`,
`ContainerArguments`, `HyperParameters`, `MetricDefinitionList`, `InputDataConfig`, `TagList`, `S3Uri` and the
environment maps: values of at most 256 characters in processing, 512 in training, 1,024 in serving; a tuning
job's training jobs have 48 variables. `ParameterKey`, `ParameterValue`, `JsonPath`; `MaxPayloadInMB` and
`MaxConcurrentTransforms` of CreateTransformJob. "Resource Limits for Automatic Model Tuning" in the developer
guide, those that cannot be raised.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sized

from stagewright.syntax.fields import Scalar
from stagewright.syntax.findings import Finding, Path

INPUTS = 10
OUTPUTS = 10
CHANNELS = 20
ARGUMENTS = 100
ARGUMENT_LENGTH = 256
HYPERPARAMETERS = 100
HYPERPARAMETER_NAME = 256
HYPERPARAMETER_LENGTH = 2_500
SEARCHED = 30
"""Ranges of a tuning job; each value of a categorical one counts as a range."""
COMBINATIONS = 750
"""Training jobs of a tuning job."""
RANGE_VALUE = 256
"""Characters of a value in a range, as script mode sends it."""
SCRIPT_MODE_HYPERPARAMETERS = 5
"""sagemaker_program, _submit_directory, _container_log_level, _job_name, _region: added in script mode."""
METRICS = 40
TUNED_METRICS = 20
METRIC_REGEX = 500
ENVIRONMENT = 100
TUNED_ENVIRONMENT = 48
PROCESSING_VARIABLE = 256
"""Characters of the value of an environment variable of a processing job."""
TRAINING_VARIABLE = 512
SERVING_VARIABLE = 1_024
FILTER = 63
PAYLOAD = 100
"""MB that requests of a transform job which are made side by side may have together."""
URI_LENGTH = 1_024
IMAGE_LENGTH = 255
TAGS = 44
"""AWS takes 50; five are our own, and Step Functions adds one."""
TAG_KEY = 128
TAG_VALUE = 256

_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")
_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def at_most(limit: int, values: Sized, path: Path, what: str) -> Iterator[Finding]:
    """A finding where there are more than `limit`."""
    if len(values) > limit:
        yield Finding(path, f"{len(values)} {what}, and AWS takes at most {limit}")


def environment(
    own: Mapping[str, str], defaults: Mapping[str, str], longest: int, path: Path, most: int = ENVIRONMENT
) -> Iterator[Finding]:
    """Findings for the names and lengths of a stage's own variables, and for their number.

    The number includes the variables of `defaults`. `longest`: characters of a value.
    """
    yield from at_most(most, {**defaults, **own}, path, "environment variables")
    yield from variables(own, longest, path)


def variables(values: Mapping[str, str], longest: int, path: Path) -> Iterator[Finding]:
    for name, value in values.items():
        if not _VARIABLE.fullmatch(name):
            remedy = "letters, digits, underscores; no digit first"
            yield Finding((*path, name), "not a name for a variable", remedy)
        yield from length(value, longest, (*path, name))


def length(value: str, limit: int, path: Path) -> Iterator[Finding]:
    """A finding where a text without references is longer than `limit` characters."""
    if "${" not in value and len(value) > limit:
        yield Finding(path, f"{len(value)} characters, and AWS takes at most {limit}")


def hyperparameters(values: Mapping[str, Scalar], script_mode: bool, path: Path) -> Iterator[Finding]:
    """Script mode sends each value as JSON text, and five of its own."""
    limit = HYPERPARAMETERS - (SCRIPT_MODE_HYPERPARAMETERS if script_mode else 0)
    yield from at_most(limit, values, path, "hyperparameters")
    for name, value in values.items():
        yield from length(name, HYPERPARAMETER_NAME, (*path, name))
        text = json.dumps(value) if script_mode or not isinstance(value, str) else value
        yield from length(text, HYPERPARAMETER_LENGTH, (*path, name))


def tags(values: Mapping[str, str], path: Path) -> Iterator[Finding]:
    """AWS keeps `aws:` for itself; we keep `stagewright:`."""
    yield from at_most(TAGS, values, path, "tags")
    for key, value in values.items():
        if not 0 < len(key) <= TAG_KEY:
            yield Finding((*path, key), f"a tag's key has 1 to {TAG_KEY} characters")
        if key.lower().startswith(("aws:", "stagewright:")):
            yield Finding(
                (*path, key), "keys that begin with aws: or stagewright: are reserved", "use another key"
            )
        yield from length(value, TAG_VALUE, (*path, key))


def instance_type(value: str, path: Path) -> Iterator[Finding]:
    """The form alone; which ones there are changes from month to month, and is checked while planning."""
    if not _INSTANCE_TYPE.fullmatch(value):
        yield Finding(path, f"{value!r} is no SageMaker instance type", "such as ml.m5.xlarge")


def arguments(values: tuple[str, ...], path: Path) -> Iterator[Finding]:
    yield from at_most(ARGUMENTS, values, path, "arguments")
    for index, value in enumerate(values):
        yield from length(value, ARGUMENT_LENGTH, (*path, index))
