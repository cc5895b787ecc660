from __future__ import annotations

from stagewright.document.effective_diff import Default, differences
from stagewright.document.merge import ABSENT, merged

STAGES = {
    "train": {"kind": "training", "entry_point": "train.py"},
    "serve": {"kind": "endpoint", "model": "${stages.train.model}", "entry_point": "train.py"},
    "check": {"kind": "gate", "require": "1 >= 0"},
}
DOCUMENT = {
    "name": "prices",
    "defaults": {"image": "sklearn-1.4", "instance_type": "ml.m5.large"},
    "stages": STAGES,
}


def previous(over, document=DOCUMENT):
    """Path -> what stood there before, of what is laid over."""
    return {".".join(change.path): change.before for change in differences(document, merged(document, over))}


def test_missing_value_is_compared_as_its_default():
    over = {"stages": {"train": {"enabled": False, "instance_count": 2}, "check": {"else": "stop"}}}
    assert previous(over) == {
        "stages.train.enabled": Default(True),
        "stages.train.instance_count": Default(1),
        "stages.check.else": Default("fail"),
    }


def test_stage_inherits_document_defaults():
    over = {
        "stages": {
            "train": {"instance_type": "ml.c5.large", "image": "sklearn-1.2"},
            "serve": {"instance_type": "ml.c5.large", "image": "sklearn-1.2"},
        }
    }
    assert previous(over) == {
        "stages.train.instance_type": Default("ml.m5.large"),
        "stages.train.image": Default("sklearn-1.4"),
        "stages.serve.instance_type": Default("ml.m5.large"),
        "stages.serve.image": ABSENT,  # that of the model that it serves
    }


def test_value_without_default_is_absent():
    over = {
        "parameters": {"limit": 3},
        "stages": {"train": {"hyperparameters": {"depth": 3}}, "more": STAGES["check"]},
    }
    assert set(previous(over).values()) == {ABSENT}
    assert set(previous({"stages": {"train": {"enabled": False}}}, {"name": "prices"}).values()) == {ABSENT}


def test_removed_value_returns_to_the_default():
    over = merged(DOCUMENT, {"stages": {"train": {"enabled": False}}})
    (change,) = differences(over, DOCUMENT)
    assert (change.before, change.after) == (False, Default(True))
