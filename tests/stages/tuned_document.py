"""A document with a tuning stage and a transform stage of its model."""

from __future__ import annotations

import pytest

from stagewright.document.load import load
from stagewright.errors import DocumentError

TUNE = {
    "kind": "tuning",
    "entry_point": "train.py",
    "channels": {"train": "${stages.prepare.outputs.train}"},
    "hyperparameters": {"loss": "mae"},
    "metrics": {"mae": "MAE: ([0-9.]+)"},
    "objective": {"metric": "mae", "goal": "minimize"},
    "ranges": {
        "depth": {"type": "integer", "min": 2, "max": 8},
        "rate": {"type": "continuous", "min": 0.001, "max": 1, "scaling": "Logarithmic"},
        "warm": {"type": "categorical", "values": [True, False]},
    },
}
SCORE = {
    "kind": "transform",
    "model": "${stages.tune.model}",
    "entry_point": "train.py",
    "input": "${stages.prepare.outputs.test}",
}


def made(house, tune=None, score=None):
    """The document with both stages; None as a field's value removes it."""

    def stage(base, changes):
        return {field: value for field, value in {**base, **(changes or {})}.items() if value is not None}

    return house({"stages.tune": stage(TUNE, tune), "stages.score": stage(SCORE, score)})


def problems(document) -> str:
    with pytest.raises(DocumentError) as refused:
        load(document)
    return "\n".join(
        f"{problem.path}: {problem.message}; {problem.remedy}" for problem in refused.value.problems
    )
