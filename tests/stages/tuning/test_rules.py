"""Rules of tuning stages, and references to their results."""

from __future__ import annotations

import pytest
from tests.stages.tuned_document import TUNE, made, problems

from stagewright.document.dependencies import dependencies
from stagewright.document.load import load
from stagewright.document.reference_values import meaning
from stagewright.errors import DocumentError
from stagewright.syntax.references import Meaning, find_references

ONE = {"type": "categorical", "values": ["a"]}


def whole(low, high, **more):
    return {"ranges": {"depth": {"type": "integer", "min": low, "max": high, **more}}}


def number(low, high, **more):
    return {"ranges": {"rate": {"type": "continuous", "min": low, "max": high, **more}}}


def choice(*values):
    return {"ranges": {"warm": {"type": "categorical", "values": list(values)}}}


GRID = {"strategy": "Grid"}
BAD_TUNING = [
    ({"objective": {"metric": "mea"}}, "objective.metric", "no metric 'mea'", '"mae"'),
    ({"metrics": None}, "objective.metric", "no metric 'mae'", "declare it in tune's metrics"),
    (whole(8, 2), "ranges.depth.max", "min 8, max 2", "hyperparameters"),
    (whole(2, 2), "ranges.depth.max", "max must be above min", ""),
    (number(0.5, 0.5), "ranges.rate.max", "max must be above min", ""),
    (whole(2.5, 3), "ranges.depth.min", "must be a whole number", ""),
    (number("0.1", 1), "ranges.rate.min", "must be a number", ""),
    (number(0, float("inf")), "ranges.rate.max", "finite", ""),
    (number(0, 1, scaling="Logarithmic"), "ranges.rate.scaling", "needs a min above 0", "Linear"),
    (number(0, 1, scaling="ReverseLogarithmic"), "ranges.rate.scaling", "max < 1", "Linear"),
    (whole(0, 3, scaling="ReverseLogarithmic"), "ranges.depth.scaling", "continuous", "Linear"),
    (choice("a", "b", "a"), "ranges.warm.values[2]", '"a" is listed more than once', "remove"),
    (choice("x" * 255), "ranges.warm.values[0]", "257 characters, but AWS accepts at most 256", ""),
    (choice(*range(31)), "ranges.warm.values", "31 entries", ""),
    ({"ranges": {"loss": ONE}}, "ranges.loss", "also a fixed hyperparameter", "one of them"),
    ({"ranges": {"x" * 257: ONE}}, "x" * 257, "257 characters", ""),
    ({"ranges": {}}, "ranges", "", ""),
    ({"ranges": {str(n): ONE for n in range(31)}}, "ranges", "", ""),
    ({"hyperparameters": {f"h{n}": 1 for n in range(92)}}, "ranges", "95 fixed and tuned", "94"),
    ({"environment": {f"E{n}": "" for n in range(48)}}, "environment", "49 environment variables", "48"),
    ({"metrics": {f"m{n}": "(.)" for n in range(20)} | {"mae": "(.)"}}, "metrics", "21 metrics", "20"),
    (GRID, "ranges.depth", "only categorical ranges, but this one is integer", "list its values"),
    (GRID | choice("a") | {"max_jobs": 3}, "max_jobs", "tries every combination", "leave it out"),
    (
        GRID | {"ranges": {n: {"type": "categorical", "values": list(range(10))} for n in "abc"}},
        "ranges",
        "1,000 combinations, but AWS accepts at most 750",
        "",
    ),
    ({"strategy": "Hyperband"}, "strategy", "the maximum number of epochs", "hyperparameters.epochs"),
    (
        {"strategy": "Hyperband", "hyperparameters": {"epochs": 9}, "early_stopping": True},
        "early_stopping",
        "by itself",
        "leave it out",
    ),
    ({"max_jobs": 0}, "max_jobs", "", ""),
    ({"max_jobs": "${stages.train.metrics.mae}"}, "max_jobs", "known only during the run", ""),
]


def test_tuning_and_transform_examples_are_valid(house):
    pipeline = load(made(house))
    assert pipeline.stages["tune"].max_jobs == 10
    assert pipeline.stages["score"].split_by == "Line"


@pytest.mark.parametrize(("changes", "path", "message", "remedy"), BAD_TUNING)
def test_invalid_tuning_stage_is_rejected(house, changes, path, message, remedy):
    reported = problems(made(house, changes))
    assert any(path in line and message in line and remedy in line for line in reported.splitlines()), (
        reported
    )


@pytest.mark.parametrize(
    "changes",
    [
        GRID | choice("a", 1, 0.5),
        {"strategy": "Hyperband", "hyperparameters": {"n-epochs": 9}},
        {
            "strategy": "Hyperband",
            "request": {
                "HyperParameterTuningJobConfig": {
                    "StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}}
                }
            },
        },
        number(-1, 1),
        number(0, 0.99, scaling="ReverseLogarithmic"),
        {"max_jobs": "${parameters.size}"},
        {
            "entry_point": None,
            "image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/xgboost:1",
            "metrics": None,
            "objective": {"metric": "validation:rmse"},
        },
    ],
)
def test_valid_tuning_stage_is_accepted(house, changes):
    score = {"image": "sklearn-1.4"}
    assert load(made(house, changes, score)).stages["tune"].kind == "tuning"


def test_hyperparameter_may_have_the_name_of_a_field(house):
    load(house({"stages.train.hyperparameters": {"instance_type": "", "image": "x" * 300}}))


def tuned(house, **hyperparameters):
    train = {f"stages.train.hyperparameters.{name}": text for name, text in hyperparameters.items()}
    return house({"stages.tune": TUNE, **train})


def test_training_stage_refers_to_tuned_hyperparameters(house):
    made = load(
        tuned(
            house,
            depth="${stages.tune.hyperparameters.depth}",
            loss="${stages.tune.hyperparameters.loss}",
            note="with ${stages.tune.hyperparameters.rate}",
        )
    )
    assert "tune" in dependencies(made)["train"]
    assert meaning(made, find_references("${stages.tune.hyperparameters.loss}")[0]) == Meaning(
        "text", "run", "0.1"
    )


@pytest.mark.parametrize(
    ("reference", "message", "remedy"),
    [
        ("tune.hyperparameters.dept", "tune has no hyperparameter 'dept'", 'did you mean "depth"?'),
        ("tune.hyperparameters.x", "tune has no hyperparameter 'x'", "declared: depth, loss, rate, warm"),
        ("tune.hyperparameters", "names none of the hyperparameters", "declared: depth, loss, rate, warm"),
        (
            "train.hyperparameters.depth",
            "is a training stage and has no hyperparameters",
            "a training stage has",
        ),
    ],
)
def test_undeclared_hyperparameter_is_rejected(house, reference, message, remedy):
    document = house({"stages.tune": TUNE, "stages.evaluate.environment": {"X": f"${{stages.{reference}}}"}})
    with pytest.raises(DocumentError) as refused:
        load(document)
    (problem,) = refused.value.problems
    assert problem.path == "stages.evaluate.environment.X"
    assert message in problem.message
    assert remedy in problem.remedy


def test_gate_compares_a_hyperparameter_as_text(house):
    load(
        house({"stages.tune": TUNE, "stages.quality.require": "${stages.tune.hyperparameters.loss} == 'mae'"})
    )
    number = house(
        {"stages.tune": TUNE, "stages.quality.require": "${stages.tune.hyperparameters.depth} > 3"}
    )
    with pytest.raises(DocumentError, match="compares a text with a number"):
        load(number)
