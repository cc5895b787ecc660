"""One small, valid stage of every kind."""

from __future__ import annotations

IMAGE = {"image": "sklearn-1.4", "instance_type": "ml.m5.large"}
MODEL = {"model": "s3://bucket/model.tar.gz", "image": "sklearn-1.4"}
STAGES = {
    "processing": {"code": "prepare.py", "outputs": ["train"], **IMAGE},
    "training": {"entry_point": "train.py", **IMAGE},
    "tuning": {
        "entry_point": "train.py",
        "objective": {"metric": "mae"},
        "ranges": {"rate": {"type": "continuous", "min": 0.1, "max": 0.3}},
        "metrics": {"mae": "MAE: ([0-9.]+)"},
        **IMAGE,
    },
    "model": MODEL,
    "register": MODEL,
    "approval": {"message": "Deploy it?"},
    "gate": {"require": "1 < 2"},
    "transform": {**MODEL, **IMAGE, "input": "s3://bucket/in/"},
    "endpoint": {**MODEL, **IMAGE},
    "lambda": {"function": "notify"},
    "callback": {"queue": "labeling"},
    "glue": {"code": "load.py", "outputs": ["sales"]},
}
