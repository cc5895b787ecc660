"""How long 1,000 documents take to load and check, and one document of 1,000 stages from its YAML file.

Budget: 1,000 documents in 5 s on two cores. Run: python benchmarks/validation.py
"""

from __future__ import annotations

import copy
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from stagewright.document.file import read_document
from stagewright.document.load import load

DOCUMENTS = 1_000
STAGES = 1_000
BUDGET = 5.0
ROUNDS = 3

SIX_STAGES: dict[str, Any] = {
    "name": "house-price",
    "parameters": {"min_r2": 0.88, "month": "${trigger.date}"},
    "partition": "${parameters.month}",
    "defaults": {"image": "sklearn-1.4", "instance_type": "ml.m5.xlarge"},
    "stages": {
        "prepare": {
            "kind": "processing",
            "code": "prepare.py",
            "inputs": {"sales": "s3://${bucket}/raw/"},
            "outputs": ["train", "test"],
        },
        "train": {
            "kind": "training",
            "entry_point": "train.py",
            "channels": {"train": "${stages.prepare.outputs.train}"},
            "hyperparameters": {"n-estimators": 300},
            "metrics": {"mae": "MAE: ([0-9.]+)"},
        },
        "evaluate": {
            "kind": "processing",
            "code": "evaluate.py",
            "inputs": {"model": "${stages.train.model}"},
            "outputs": ["report"],
            "metrics_file": "report/metrics.json",
        },
        "quality": {"kind": "gate", "require": "${stages.evaluate.metrics.r2} >= ${parameters.min_r2}"},
        "register": {"kind": "register", "after": ["quality"], "model": "${stages.train.model}"},
        "deploy": {"kind": "endpoint", "model": "${stages.register.package}"},
    },
}


def many_documents() -> list[str]:
    found = []
    for index in range(DOCUMENTS):
        document = copy.deepcopy(SIX_STAGES)
        document["name"] = f"house-{index}"
        document["stages"]["train"]["hyperparameters"]["n-estimators"] = index
        found.append(json.dumps(document))
    return found


def wide_document() -> dict[str, Any]:
    """Groups of the six stages, until there are `STAGES` of them."""
    text = json.dumps(SIX_STAGES["stages"])
    stages: dict[str, Any] = {}
    for index in range(STAGES // 6 + 1):
        renamed = text
        for name in SIX_STAGES["stages"]:
            renamed = renamed.replace(f"stages.{name}.", f"stages.{name}-{index}.")
        group = json.loads(renamed)
        group["register"]["after"] = [f"quality-{index}"]
        stages.update({f"{name}-{index}": stage for name, stage in group.items()})
    return {**SIX_STAGES, "stages": dict(list(stages.items())[:STAGES])}


def seconds(act: Any) -> float:
    """Median of some rounds."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        act()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> int:
    texts = many_documents()
    documents = seconds(lambda: [load(json.loads(text)) for text in texts])
    stages = len(SIX_STAGES["stages"])
    print(f"{DOCUMENTS} documents of {stages} stages, JSON text to checked: {documents:.2f} s")
    import yaml

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wide.yaml"
        path.write_text(yaml.safe_dump(wide_document(), sort_keys=False))
        pipeline = read_document(path)
        wide = seconds(lambda: read_document(path))
    print(f"1 YAML file of {len(pipeline.stages)} stages, read and checked: {wide:.2f} s")
    print(f"budget: {BUDGET} s for {DOCUMENTS} documents: {'kept' if documents <= BUDGET else 'BROKEN'}")
    return 0 if documents <= BUDGET else 1


if __name__ == "__main__":
    sys.exit(main())
