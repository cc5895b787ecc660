"""Fields of a request that are refused, and those that are accepted though nothing here acts on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sagemaker_local.api.protocol import ApiError, unsupported

Rules = Mapping[str, tuple[Any, ...]]
"""Path (`Inputs[].Mode`) -> the values that are supported; none at all where the field is not."""


@dataclass(frozen=True)
class Fields:
    """What a resource does not act on. `idle` is accepted, as it cannot change a result; the log says so."""

    rules: Rules = field(default_factory=dict)
    idle: tuple[str, ...] = ()


def under(prefix: str, rules: Rules) -> Rules:
    """Rules of a part of a request, as rules of the whole."""
    return {f"{prefix}.{path}": supported for path, supported in rules.items()}


def refuse_unsupported(
    request: dict[str, Any], rules: Rules, refuse: Callable[[str], ApiError] = unsupported
) -> None:
    """A field that could change a result is supported or refused, never silently ignored."""
    for path, supported in rules.items():
        for value in values(request, path):
            if value not in supported:
                raise refuse(f"{path.replace('[]', '')}={value}" if supported else path.replace("[]", ""))


def without_effect(request: dict[str, Any], paths: tuple[str, ...]) -> list[str]:
    """Those of `paths` that the request gives and that ask for something."""
    return [path.replace("[]", "") for path in paths if any(values(request, path))]


def values(value: Any, path: str) -> Iterator[Any]:
    """What stands at a path; several where it goes through lists."""
    name, _, rest = path.partition(".")
    found = value.get(name.removesuffix("[]"))
    if found is None:
        return
    for item in found if name.endswith("[]") else [found]:
        if rest:
            yield from values(item, rest)
        else:
            yield item
