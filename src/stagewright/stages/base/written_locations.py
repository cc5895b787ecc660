"""The S3 locations that requests make a job or an endpoint write to.

Source: the S3 members of SageMaker's requests in botocore's service model. A test assigns each of them to
what is read and what is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

WRITTEN = re.compile(
    r".*\.(S3OutputPath|S3FailurePath|DestinationS3Uri|OutputS3Uri|S3Output\.S3Uri|CheckpointConfig\.S3Uri)"
)
NAMES = ("OutputName", "ChannelName", "VariantName", "DefinitionName")


def written_locations(_stage: Any, requests: Mapping[str, Any]) -> dict[str, str]:
    """Return path of a field -> S3 URI. An entry of a list has its name in the path, or its index."""
    fields = [field for operation, request in requests.items() for field in _texts(request, operation)]
    return {path: uri for path, uri in fields if WRITTEN.fullmatch(path)}


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield path, value
        case Mapping():
            for name, item in value.items():
                yield from _texts(item, f"{path}.{name}")
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _texts(item, f"{path}.{_name(item, index)}")


def _name(item: Any, index: int) -> str:
    fields = item if isinstance(item, Mapping) else {}
    return next((str(fields[name]) for name in NAMES if name in fields), str(index))
