"""A document with some of its values changed."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from stagewright.document.layers import Effective, pushed_layers
from stagewright.document.pipeline import Pipeline

GONE = "(gone)"
"""Instead of a value: the key is removed."""


def changed(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`changed(HOUSE, {"stages.train.image": "x"})`: another one, with what is missing on the way made."""
    made: dict[str, Any] = copy.deepcopy(dict(document))
    for path, value in changes.items():
        *way, last = path.split(".")
        place = made
        for key in way:
            place = place.setdefault(key, {})
        if value == GONE:
            del place[last]
        else:
            place[last] = value
    return made


def effective(pipeline: Pipeline) -> Effective:
    """The document without overrides."""
    return Effective(pipeline, pushed_layers(pipeline))
