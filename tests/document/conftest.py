"""A whole document, and ways to change one thing in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.documents import changed

HOUSE: dict[str, Any] = {
    "name": "house-price",
    "parameters": {"min_r2": 0.88, "month": "${trigger.date}", "size": 2, "fast": True},
    "partition": "${parameters.month}",
    "defaults": {"image": "sklearn-1.4", "instance_type": "ml.m5.xlarge", "environment": {"LEVEL": "info"}},
    "triggers": [{"type": "code"}],
    "stages": {
        "prepare": {
            "kind": "processing",
            "code": "prepare.py",
            "inputs": {"sales": "s3://${bucket}/raw/house-price/"},
            "outputs": ["train", "test"],
            "instance_count": "${parameters.size}",
        },
        "train": {
            "kind": "training",
            "entry_point": "train.py",
            "channels": {"train": "${stages.prepare.outputs.train}"},
            "hyperparameters": {"n-estimators": 300, "rate": 0.1, "warm": True, "loss": "mae"},
            "metrics": {"mae": "MAE: ([0-9.]+)"},
        },
        "evaluate": {
            "kind": "processing",
            "code": "evaluate.py",
            "inputs": {"model": "${stages.train.model}", "test": "${stages.prepare.outputs.test}"},
            "outputs": ["report"],
            "metrics_file": "report/metrics.json",
        },
        "quality": {"kind": "gate", "require": "${stages.evaluate.metrics.r2} >= ${parameters.min_r2}"},
        "register": {
            "kind": "register",
            "after": ["quality"],
            "model": "${stages.train.model}",
            "entry_point": "train.py",
            "metrics": "${stages.evaluate.outputs.report}/metrics.json",
        },
        "deploy": {"kind": "endpoint", "model": "${stages.register.package}"},
    },
}


@pytest.fixture
def house() -> Callable[..., dict[str, Any]]:
    """Makes the document with changes: `house({"stages.train.image": "x"})`."""

    def make(changes: dict[str, Any] | None = None) -> dict[str, Any]:
        return changed(HOUSE, changes or {})

    return make
