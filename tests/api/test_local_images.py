"""Which image the first job of a stage waits for."""

from __future__ import annotations

import pytest

from stagewright.api.local_images import image_of
from stagewright.document.load import load

DOCUMENT = {
    "name": "p",
    "defaults": {"image": "sklearn-1.2", "instance_type": "ml.m5.large"},
    "stages": {
        "prepare": {"kind": "processing", "code": "a.py", "outputs": ["x"]},
        "tune": {
            "kind": "tuning",
            "entry_point": "a.py",
            "image": "sklearn-1.4",
            "metrics": {"m": "(.)"},
            "objective": {"metric": "m"},
            "ranges": {"n": {"type": "integer", "min": 1, "max": 2}},
        },
        "register": {"kind": "register", "model": "${stages.tune.model}", "entry_point": "a.py"},
        "served": {"kind": "model", "model": "${stages.register.package}"},
        "score": {
            "kind": "transform",
            "model": "${stages.served.name}",
            "input": "${stages.prepare.outputs.x}",
        },
        "other": {"kind": "transform", "model": "mine", "input": "s3://${bucket}/x"},
    },
}


@pytest.mark.parametrize(
    ("stage", "image"),
    [
        ("prepare", "sklearn-1.2"),
        ("tune", "sklearn-1.4"),
        ("served", "sklearn-1.4"),
        ("score", "sklearn-1.4"),
        ("other", "sklearn-1.2"),
    ],
)
def test_model_uses_the_image_of_its_training(stage, image):
    pipeline = load(DOCUMENT)
    assert image_of(pipeline, pipeline.stages[stage]) == image
