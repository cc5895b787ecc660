"""Limits of AWS that the document alone can show to be exceeded.

Sources: botocore's service model of SageMaker (1.44): `ProcessingInputs`, `ProcessingOutputs`,
`ContainerArguments`, `HyperParameters`, `MetricDefinitionList`, `InputDataConfig`, `TagList`, `S3Uri`,
`ParameterKey`, `ParameterValue`, `JsonPath`, the environment maps, and `MaxPayloadInMB` and
`MaxConcurrentTransforms` of CreateTransformJob. The fixed limits of "Resource Limits for Automatic Model
Tuning" in the developer guide.
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
COMBINATIONS = 750
"""Training jobs of a tuning job."""
RANGE_VALUE = 256
"""Characters of a value in a range, as script mode sends it."""
SCRIPT_MODE_HYPERPARAMETERS = 5
"""Script mode adds sagemaker_program, _submit_directory, _container_log_level, _job_name and _region."""
METRICS = 40
TUNED_METRICS = 20
METRIC_REGEX = 500
ENVIRONMENT = 100
TUNED_ENVIRONMENT = 48
PROCESSING_VARIABLE = 256
"""Characters of the value of an environment variable, here of a processing job."""
TRAINING_VARIABLE = 512
SERVING_VARIABLE = 1_024
KEEP_ALIVE = 3_600
"""Seconds of a warm pool ("SageMaker AI Managed Warm Pools": 60 minutes; botocore's model has 6 hours)."""
FILTER = 63
PAYLOAD = 100
"""MB of all parallel requests of a transform job."""
URI_LENGTH = 1_024
IMAGE_LENGTH = 255
TAGS = 44
"""AWS accepts 50. Stagewright adds five, and Step Functions adds one."""
TAG_KEY = 128
TAG_VALUE = 256

_INSTANCE_TYPE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")
_VARIABLE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def at_most(limit: int, values: Sized, path: Path, what: str) -> Iterator[Finding]:
    """A finding if there are more than `limit` values. `what` names them."""
    if len(values) > limit:
        yield Finding(path, f"{len(values)} {what}, but AWS accepts at most {limit}")


def environment(
    own: Mapping[str, str], defaults: Mapping[str, str], longest: int, path: Path, most: int = ENVIRONMENT
) -> Iterator[Finding]:
    """Findings for the names and lengths of a stage's own variables, and for their number.

    The number includes the variables of `defaults`. `longest`: characters of a value.
    """
    yield from at_most(most, {**defaults, **own}, path, "environment variables")
    yield from variables(own, longest, path)


def variables(values: Mapping[str, str], longest: int, path: Path) -> Iterator[Finding]:
    """Findings for the names of variables and for values with more than `longest` characters."""
    for name, value in values.items():
        if not _VARIABLE.fullmatch(name):
            remedy = "use letters, digits and underscores, and do not begin with a digit"
            yield Finding((*path, name), "not a valid variable name", remedy)
        yield from length(value, longest, (*path, name))


def length(value: str, limit: int, path: Path) -> Iterator[Finding]:
    """A finding if a text without references has more than `limit` characters."""
    if "${" not in value and len(value) > limit:
        yield Finding(path, f"{len(value)} characters, but AWS accepts at most {limit}")


def hyperparameters(values: Mapping[str, Scalar], script_mode: bool, path: Path) -> Iterator[Finding]:
    """Findings for the number, names and values. Script mode sends values as JSON and adds its own."""
    limit = HYPERPARAMETERS - (SCRIPT_MODE_HYPERPARAMETERS if script_mode else 0)
    yield from at_most(limit, values, path, "hyperparameters")
    for name, value in values.items():
        yield from length(name, HYPERPARAMETER_NAME, (*path, name))
        text = json.dumps(value) if script_mode or not isinstance(value, str) else value
        yield from length(text, HYPERPARAMETER_LENGTH, (*path, name))


def tags(values: Mapping[str, str], path: Path) -> Iterator[Finding]:
    """Findings for tags. AWS reserves the prefix `aws:`, and Stagewright reserves `stagewright:`."""
    yield from at_most(TAGS, values, path, "tags")
    for key, value in values.items():
        if not 0 < len(key) <= TAG_KEY:
            yield Finding((*path, key), f"a tag key must have 1 to {TAG_KEY} characters")
        if key.lower().startswith(("aws:", "stagewright:")):
            yield Finding(
                (*path, key), "keys that begin with aws: or stagewright: are reserved", "use another key"
            )
        yield from length(value, TAG_VALUE, (*path, key))


def instance_type(value: str, path: Path) -> Iterator[Finding]:
    """A finding if the form is wrong. Planning checks whether the type exists, because the list often
    changes."""
    if not _INSTANCE_TYPE.fullmatch(value):
        yield Finding(path, f"{value!r} is not a SageMaker instance type", "such as ml.m5.xlarge")


def arguments(values: tuple[str, ...], path: Path) -> Iterator[Finding]:
    """Findings for the number and lengths of a container's arguments."""
    yield from at_most(ARGUMENTS, values, path, "arguments")
    for index, value in enumerate(values):
        yield from length(value, ARGUMENT_LENGTH, (*path, index))
