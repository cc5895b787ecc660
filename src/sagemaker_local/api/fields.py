"""The request fields that the service rejects, and those that it accepts without effect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sagemaker_local.api.protocol import ApiError, unsupported

Rules = Mapping[str, tuple[Any, ...]]
"""Field path (`Inputs[].Mode`) -> supported values. No values: the field is rejected."""


@dataclass(frozen=True)
class Fields:
    """The fields that a resource does not act on.

    `rules` are rejected. `idle` fields are accepted, because they cannot change a result; the log names them.
    """

    rules: Rules = field(default_factory=dict)
    idle: tuple[str, ...] = ()


def under(prefix: str, rules: Rules) -> Rules:
    """Prefix the paths of rules, for a request that contains another one."""
    return {f"{prefix}.{path}": supported for path, supported in rules.items()}


def refuse_unsupported(
    request: dict[str, Any], rules: Rules, refuse: Callable[[str], ApiError] = unsupported
) -> None:
    """Raise an error for an unsupported field. A field that could change a result is never ignored."""
    for path, supported in rules.items():
        for value in values(request, path):
            if value not in supported:
                raise refuse(f"{path.replace('[]', '')}={value}" if supported else path.replace("[]", ""))


def without_effect(request: dict[str, Any], paths: tuple[str, ...]) -> list[str]:
    """The paths among `paths` that have a true value in the request."""
    return [path.replace("[]", "") for path in paths if any(values(request, path))]


def values(value: Any, path: str) -> Iterator[Any]:
    """The values at a path. There are several if the path goes through lists."""
    name, _, rest = path.partition(".")
    member = value.get(name.removesuffix("[]"))
    if member is None:
        return
    for item in member if name.endswith("[]") else [member]:
        if rest:
            yield from values(item, rest)
        else:
            yield item
