"""Writes a document as YAML that every YAML reader reads the same, and that `document.source` accepts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from stagewright.syntax.ambiguous_scalars import ambiguity, resolve

LINE_WIDTH = 110
BREAKS = frozenset("\x85\u2028\u2029\r")
"""Line breaks that PyYAML folds outside double quotes."""


class _Dumper(yaml.SafeDumper):
    """Quotes what readers interpret differently, and repeats shared values instead of naming them."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        if ambiguity(text) or not isinstance(resolve(text), str) or BREAKS & set(text):
            style: str | None = '"'
        else:
            style = "|" if _is_block(text) else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)


def yaml_text(document: Mapping[str, Any]) -> str:
    """The document as YAML. Its values are those of JSON."""
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=LINE_WIDTH)


def _is_block(text: str) -> bool:
    """Whether a block keeps the text: it has several lines, and none that a block changes."""
    first, *rest = text.split("\n")
    return (
        bool(rest)
        and first[:1] != " "
        and all(line.isprintable() and line == line.rstrip() for line in (first, *rest))
    )
