from __future__ import annotations

import pytest

from stagewright.document.load import load
from stagewright.errors import DocumentError


def problems_of(data, lines=None, file=""):
    with pytest.raises(DocumentError) as caught:
        load(data, lines, file)
    return caught.value.problems


def test_valid_document_is_loaded_unchanged(house):
    pipeline = load(house())

    assert list(pipeline.stages) == ["prepare", "train", "evaluate", "quality", "register", "deploy"]
    assert pipeline.parameters == {"min_r2": 0.88, "month": "${trigger.date}", "size": 2, "fast": True}
    assert pipeline.stages["train"].hyperparameters == {
        "n-estimators": 300,
        "rate": 0.1,
        "warm": True,
        "loss": "mae",
    }
    assert type(pipeline.stages["train"].hyperparameters["warm"]) is bool


TUNE = {
    "kind": "tuning",
    "entry_point": "train.py",
    "channels": {"train": "${stages.prepare.outputs.train}"},
    "metrics": {"mae": "MAE: ([0-9.]+)"},
    "objective": {"metric": "mae", "goal": "minimize"},
}
SHAPES = [
    ({"nam": "x"}, "nam", 'unknown key "nam"', 'did you mean "name"?'),
    ({"name": "(gone)"}, "name", "is missing", "permanent name"),
    ({"name": "House"}, "name", '"House" must consist of lowercase letters, digits and single hyphens', ""),
    ({"name": "h" * 41}, "name", "41 characters; the maximum is 40", ""),
    ({"name": 3}, "name", "must be a text, not the number 3", ""),
    ({"parameters.x y": 1}, "parameters.x y", '"x y" must consist of letters, digits', ""),
    (
        {"parameters.x": [1]},
        "parameters.x",
        "must be true or false or a whole number or a number or a text",
        "",
    ),
    ({"parameters.x": None}, "parameters.x", "not nothing (null)", ""),
    ({"parameters": []}, "parameters", "must be a mapping, not a list", ""),
    ({"defaults.imag": "x"}, "defaults.imag", 'unknown key "imag"', 'did you mean "image"?'),
    ({"triggers": [{"type": "cod"}]}, "triggers[0].type", 'unknown type "cod"', ""),
    ({"triggers": "code"}, "triggers", 'must be a list, not "code"', ""),
    ({"stages": {}}, "stages", "is empty", ""),
    ({"stages.train": 3}, "stages.train", "must be a mapping, not the number 3", ""),
    ({"stages.train.kind": "(gone)"}, "stages.train.kind", "is missing", "processing, training, tuning"),
    ({"stages.train.kind": "trainin"}, "stages.train.kind", 'unknown kind "trainin"', '"training"'),
    ({"stages.train.kind": "trainings"}, "stages.train.kind", 'unknown kind "trainings"', '"training"'),
    (
        {"stages.train.kind": "zzz"},
        "stages.train.kind",
        'unknown kind "zzz"',
        "kinds: approval, callback, endpoint, gate",
    ),
    ({"stages.Bad": {"kind": "gate", "require": "1 < 2"}}, "stages.Bad", '"Bad" must consist of', ""),
    ({"stages.train.outputs": ["x"]}, "stages.train.outputs", 'unknown key "outputs"', "keys: "),
    ({"stages.train.chanels": {}}, "stages.train.chanels", 'unknown key "chanels"', '"channels"'),
    ({"stages.train.enabled": "yes"}, "stages.train.enabled", 'must be true or false, not "yes"', ""),
    ({"stages.train.enabled": 1}, "stages.train.enabled", "must be true or false, not the number 1", ""),
    (
        {"stages.train.instance_count": "many"},
        "stages.train.instance_count",
        'must be a whole number or a reference such as ${parameters.size}, not "many"',
        "",
    ),
    ({"stages.train.instance_count": True}, "stages.train.instance_count", "must be a whole number or", ""),
    ({"stages.train.instance_count": 1.5}, "stages.train.instance_count", "not the number 1.5", ""),
    (
        {"stages.train.instance_count": 0},
        "stages.train.instance_count",
        "must be at least 1, not the number 0",
        "",
    ),
    (
        {"stages.prepare.max_runtime_seconds": 777_601},
        "stages.prepare.max_runtime_seconds",
        "at most 777,600",
        "",
    ),
    ({"stages.prepare.outputs": ["a b"]}, "stages.prepare.outputs[0]", '"a b" must consist of', ""),
    ({"stages.prepare.outputs": [1]}, "stages.prepare.outputs[0]", "must be a text, not the number 1", ""),
    (
        {"stages.prepare.outputs": 1},
        "stages.prepare.outputs",
        "must be a list or a mapping, not the number 1",
        "",
    ),
    (
        {"stages.quality.require": "(gone)"},
        "stages.quality.require",
        "is missing",
        "metrics.r2} >= 0.88",
    ),
    ({"stages.train.hyperparameters.x": {}}, "stages.train.hyperparameters.x", "not a mapping", ""),
    ({"stages.train.hyperparameters.training": None}, "stages.train.hyperparameters.training", "null", ""),
    ({"stages.deploy.name": "a_b"}, "stages.deploy.name", "must consist of letters, digits and hyphens", ""),
    (
        {"stages.tune": TUNE | {"ranges": {"rate": {"min": 0.1, "max": 0.5}}}},
        "stages.tune.ranges.rate.type",
        "is missing",
        "types: integer, continuous, categorical",
    ),
    (
        {"stages.tune": TUNE | {"ranges": {"rate": {"type": "continous", "min": 0.1, "max": 0.5}}}},
        "stages.tune.ranges.rate.type",
        'unknown type "continous"',
        "continuous",
    ),
]


@pytest.mark.parametrize(("changes", "path", "message", "remedy"), SHAPES, ids=[case[1] for case in SHAPES])
def test_schema_error_is_one_problem_in_plain_words(house, changes, path, message, remedy):
    reported = problems_of(house(changes))

    assert [problem.path for problem in reported] == [path]
    assert message in reported[0].message
    assert remedy in reported[0].remedy


def test_problems_of_different_stages_are_reported_together(house):
    reported = problems_of(
        house(
            {
                "owner": "me",
                "stages.train.instance_count": 0,
                "stages.quality.require": "${stages.evaluat.metrics.r2} >= 1",
                "stages.deploy.after": ["nowhere"],
            }
        )
    )

    assert {problem.path for problem in reported} == {
        "owner",
        "stages.train.instance_count",
        "stages.quality.require",
        "stages.deploy.after[0]",
    }


def test_invalid_name_does_not_hide_problems_in_stages(house):
    reported = problems_of(house({"name": "House", "stages.train.after": ["nowhere"]}))

    assert [problem.path for problem in reported] == ["name", "stages.train.after[0]"]


@pytest.mark.parametrize(("old", "new"), [("defaults", "defautls"), ("parameters", "parametrs")])
def test_misspelled_key_is_one_problem_without_consequences(house, old, new):
    document = house()
    document[new] = document.pop(old)

    assert [problem.path for problem in problems_of(document)] == [new]


@pytest.mark.parametrize("kind", ["procesing", "zzz", "(gone)", 3])
def test_references_to_an_invalid_stage_are_not_checked(house, kind):
    reported = problems_of(house({"stages.prepare.kind": kind}))

    assert [problem.path for problem in reported] == ["stages.prepare.kind"]


MISSPELT = [
    ("stages", "stagse", {"stages.train.after": ["x"]}, "stagse.train.after[0]"),
    ("parameters", "Parameters", {"stages.train.after": ["x"]}, "stages.train.after[0]"),
    ("parameters", "params", {"stages.train.channels.x": "${parameters.z}"}, "stages.train.channels.x"),
    ("defaults", "defautls", {"defaults.instance_type": "m5.large"}, "defautls.instance_type"),
    ("triggers", "trigers", {"triggers": [{"type": "schedule", "cron": "* *"}]}, "trigers[0].cron"),
]


@pytest.mark.parametrize(("old", "new", "more", "path"), MISSPELT, ids=[case[1] for case in MISSPELT])
def test_value_under_a_misspelled_key_is_checked(house, old, new, more, path):
    document = house(more)
    document[new] = document.pop(old)

    assert {problem.path for problem in problems_of(document)} == {new, path}


HIDDEN = [
    ({"stages.train.enabled": "yes"}, {"stages.train.channels.x": "${stages.prepar.outputs.train}"}),
    ({"stages.train.chanel": {}}, {"stages.train.instance_type": "m5.large"}),
    ({"stages.train.kind": "trainig"}, {"stages.train.metrics.mae": "MAE"}),
    ({"stages.prepare": []}, {"stages.train.after": ["nowhere"]}),
    ({"parameters.month": None}, {"stages.train.channels.x": "${parameters.mnth}"}),
    ({"parameters.x y": 1}, {"stages.quality.require": "${parameters.min_r} > 1"}),
    ({"triggers": [{"type": "cod"}, {"type": "schedule", "cron": "x"}]}, {}),
    ({"triggers": [{"type": "data"}], "stages.train.after": [3]}, {"stages.evaluate.code": "/x.py"}),
    ({"stages.quality.requires": "1 < 2", "stages.quality.require": "(gone)"}, {"stages.train.after": ["x"]}),
    ({"budget": {"mony": 3}}, {"stages.train.after": ["x"]}),
]


@pytest.mark.parametrize(("shape", "rest"), HIDDEN, ids=[next(iter(case[0])) for case in HIDDEN])
def test_schema_error_does_not_hide_other_problems(house, shape, rest):
    alone = {problem.path for problem in problems_of(house(shape))}
    together = {problem.path for problem in problems_of(house({**shape, **rest}))}

    assert alone <= together
    assert {path.partition("[")[0] for path in together - alone} == set(rest)


def test_consequences_of_a_mistake_are_not_reported(house):
    reported = problems_of(
        house(
            {
                "defaults.image": 3,
                "parameters.size": [2],
                "stages.evaluate.outputs": "report",
                "stages.register.kind": "registry of models",
                "stages.quality.require": "${champion.evaluate.metrics.r2} > 1",
                "triggers": [{"type": "schedule", "cron": 5}, {"type": "code", "parameters": {"size": 1}}],
            }
        )
    )

    assert {problem.path for problem in reported} == {
        "defaults.image",
        "parameters.size",
        "stages.evaluate.outputs",
        "stages.register.kind",
        "triggers[0].cron",
    }


def test_misspelled_field_is_checked_with_its_stage(house):
    changes = {"stages.prepare.include": ["lib"], "stages.prepare.code": "(gone)"}
    reported = problems_of(house({**changes, "stages.prepare.cod": "a.py"}))

    assert [problem.path for problem in reported] == ["stages.prepare.cod"]


def test_problems_have_file_and_nearest_line_in_order(house):
    lines = {(): 1, ("stages",): 4, ("stages", "train"): 9, ("stages", "train", "image"): 11, ("name",): 20}
    reported = problems_of(
        house(
            {"name": "X", "stages.train.image": 3, "stages.train.kind": "training", "stages.train.volume": 1}
        ),
        lines,
        "pipeline.yaml",
    )

    assert [(problem.path, problem.line) for problem in reported] == [
        ("stages.train.volume", 9),
        ("stages.train.image", 11),
        ("name", 20),
    ]
    assert str(reported[1]).startswith("pipeline.yaml:11: stages.train.image: must be a text")


def test_whole_floats_and_text_are_normalized(house):
    pipeline = load(house({"parameters.one": 1.0, "parameters.accent": "e\u0301"}))

    assert type(pipeline.parameters["one"]) is int
    assert pipeline.parameters["accent"] == "\u00e9"


@pytest.mark.parametrize("data", [[], "x", None, 3])
def test_document_must_be_a_mapping(data):
    (problem,) = problems_of(data)
    assert str(problem).startswith("document: must be a mapping")
