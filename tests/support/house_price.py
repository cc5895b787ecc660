"""The house-price document that all tests use, and the files of its code folder."""

from __future__ import annotations

from typing import Any

DOCUMENT: dict[str, Any] = {
    "name": "house-price",
    "parameters": {"min_r2": 0.88, "trees": 300},
    "partition": "${trigger.date}",
    "defaults": {
        "image": "sklearn-1.4",
        "instance_type": "ml.m5.xlarge",
        "environment": {"LOG": "debug"},
        "tags": {"team": "pricing"},
    },
    "stages": {
        "prepare": {
            "kind": "processing",
            "code": "prepare.py",
            "include": ["lib"],
            "arguments": ["--trees", "${parameters.trees}"],
            "inputs": {"sales": "s3://${bucket}/raw/sales/"},
            "outputs": ["train", "test"],
        },
        "train": {
            "kind": "training",
            "entry_point": "train.py",
            "channels": {"train": "${stages.prepare.outputs.train}"},
            "hyperparameters": {"n-estimators": "${parameters.trees}", "criterion": "mae", "warm": True},
            "metrics": {"mae": "MAE: ([0-9.]+)"},
            "environment": {"LOG": "info"},
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
            "model": "${stages.train.model}",
            "entry_point": "train.py",
            "metrics": "${stages.evaluate.outputs.report}/metrics.json",
            "after": ["quality"],
            "approval": "approved",
        },
        "deploy": {"kind": "endpoint", "model": "${stages.register.package}", "instance_type": "ml.m5.large"},
    },
}
FILES = {
    "prepare.py": "1",
    "lib/clean.py": "2",
    "train.py": "3",
    "requirements.txt": "4",
    "evaluate.py": "5",
    "notes.md": "6",
}
