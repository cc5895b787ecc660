"""Dictionaries as variables and arguments (sagemaker_training/mapping.py)."""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Iterator, Mapping
from typing import Any

SplitResultSpec = namedtuple("SplitResultSpec", "included excluded")


class MappingMixin(Mapping):  # type: ignore[type-arg]
    """A mapping of the public properties of the class."""

    def properties(self) -> list[str]:
        return [name for name in dir(type(self)) if isinstance(getattr(type(self), name), property)]

    def __getitem__(self, name: str) -> Any:
        if name not in self.properties():
            raise KeyError("Trying to access non property %s" % name)
        return getattr(self, name)

    def __len__(self) -> int:
        return len(self.properties())

    def __iter__(self) -> Iterator[str]:
        return iter(self.properties())

    def __str__(self) -> str:
        return str(dict(self))


def to_env_vars(values: Mapping[str, Any]) -> dict[str, str]:
    """Variables `SM_NAME`. Text is unchanged, other values are JSON."""
    return {"SM_" + str(name).upper(): _variable(value) for name, value in values.items()}


def _variable(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("latin1")
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))


def to_cmd_args(values: Mapping[str, Any]) -> list[str]:
    """Arguments `--name value` sorted by name; a one-letter name gets one dash, a mapping becomes a=b,c=d."""
    arguments = []
    for name in sorted(values):
        value = values[name]
        if hasattr(value, "items"):
            value = ",".join("%s=%s" % pair for pair in sorted(value.items()))
        arguments += ["--" + name if len(name) > 1 else "-" + name, "" if value is None else str(value)]
    return arguments


def split_by_criteria(
    dictionary: Mapping[str, Any], keys: Any = None, prefix: str | None = None
) -> SplitResultSpec:
    """Two dictionaries: the items with these keys or this prefix, and the others."""
    names = set(keys or ())
    included = {k: v for k, v in dictionary.items() if k in names or (prefix and k.startswith(prefix))}
    return SplitResultSpec(included, {k: v for k, v in dictionary.items() if k not in included})
