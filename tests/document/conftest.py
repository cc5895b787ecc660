"""A complete document, and a fixture that changes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.documents import GONE, changed
from tests.support.house_price import DOCUMENT

HOUSE = changed(
    DOCUMENT,
    {
        "parameters.month": "${trigger.date}",
        "parameters.size": 2,
        "parameters.fast": True,
        "parameters.trees": GONE,
        "partition": "${parameters.month}",
        "triggers": [{"type": "code"}],
        "stages.prepare.arguments": GONE,
        "stages.prepare.include": GONE,
        "stages.prepare.instance_count": "${parameters.size}",
        "stages.train.hyperparameters": {"n-estimators": 300, "rate": 0.1, "warm": True, "loss": "mae"},
    },
)
"""With a parameter of each type, and a trigger."""


@pytest.fixture
def house() -> Callable[..., dict[str, Any]]:
    """Makes the document with changes: `house({"stages.train.image": "x"})`."""

    def make(changes: dict[str, Any] | None = None) -> dict[str, Any]:
        return changed(HOUSE, changes or {})

    return make
