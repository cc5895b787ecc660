from __future__ import annotations

import pytest

from stagewright.document.load import load
from stagewright.document.reference_values import STAGE_VALUES, VALUES, InvalidReference, meaning
from stagewright.syntax.references import Meaning, find_references


def test_every_reference_in_the_table_exists(house):
    document = house()
    tune = {
        **document["stages"]["train"],
        "kind": "tuning",
        "objective": {"metric": "mae"},
        "ranges": {"depth": {"type": "integer", "min": 1, "max": 9}},
    }
    model = {"kind": "model", "model": "${stages.train.model}"}
    more = {"tune": tune, "model": model, "call": {"kind": "lambda", "function": "notify"}}
    pipeline = load({**document, "stages": {**document["stages"], **more}})
    named = {"outputs": ".train", "metrics": ".mae", "answer": ".text", "hyperparameters": ".depth"}
    stage_of = {
        "outputs": "prepare",
        "package": "register",
        "endpoint": "deploy",
        "name": "model",
        "best": "tune",
        "hyperparameters": "tune",
        "answer": "call",
    }
    texts = [".".join(path) for path in VALUES]
    texts += [f"stages.{stage_of.get(word, 'train')}.{word}{named.get(word, '')}" for word in STAGE_VALUES]

    for text in texts:
        (reference,) = find_references(f"${{{text}}}")
        assert isinstance(meaning(pipeline, reference), Meaning), text


TYPES = [
    ("parameters.min_r2", "number", "plan"),
    ("parameters.fast", "flag", "plan"),
    ("parameters.month", "text", "plan"),
    ("stages.prepare.outputs.train", "uri", "plan"),
    ("stages.train.model", "uri", "run"),
    ("stages.train.metrics.mae", "number", "run"),
    ("stages.evaluate.metrics.any", "number", "run"),
    ("stages.register.package", "package", "run"),
    ("run.id", "text", "plan"),
]


@pytest.mark.parametrize(("text", "type_", "known"), TYPES)
def test_reference_has_a_type_and_a_time(house, text, type_, known):
    (reference,) = find_references(f"${{{text}}}")
    known_value = meaning(load(house()), reference)

    assert isinstance(known_value, Meaning)
    assert (known_value.type, known_value.known) == (type_, known)


def test_unknown_reference_has_a_remedy(house):
    (reference,) = find_references("${stages.train.modell}")

    assert meaning(load(house()), reference) == InvalidReference(
        "${stages.train.modell}: train is a training stage and has no modell", 'did you mean "model"?'
    )
