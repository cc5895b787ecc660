"""Lists, the stages that run for their items, and the documents with their instances."""

from __future__ import annotations

import json

import pytest

from stagewright.document.dependencies import dependencies
from stagewright.document.expansion import expanded
from stagewright.document.load import load
from stagewright.document.parameters import with_parameters
from stagewright.errors import DocumentError

PREPARE = {
    "kind": "processing", "for_each": "regions", "code": "prepare.py", "outputs": ["clean"],
    "arguments": ["--region", "${each.name}", "$${each.name}"],
}  # fmt: skip
TRAIN = {
    "kind": "training", "for_each": "regions", "entry_point": "train.py",
    "channels": {"clean": "${stages.prepare.outputs.clean}"},
}  # fmt: skip
SUMMARY = {"kind": "processing", "code": "sum.py", "inputs": {"all": "${stages.prepare.all.outputs.clean}"}}


def document(items=("eu-west", "us"), parameters=None, **stages):
    stages = stages or {"prepare": PREPARE, "train": TRAIN, "summary": SUMMARY}
    return {
        "name": "prices",
        "parameters": parameters or {},
        "defaults": {"image": "sklearn-1.4", "instance_type": "ml.m5.large"},
        "lists": {"regions": {"items": items if isinstance(items, str) else list(items)}},
        "stages": stages,
    }


def problems(data):
    with pytest.raises(DocumentError) as caught:
        load(data)
    return [f"{problem.path}: {problem.message} ({problem.remedy})" for problem in caught.value.problems]


def names(data, **parameters):
    return list(expanded(with_parameters(load(data), parameters)).stages)


def test_stage_becomes_one_for_each_item():
    made = expanded(load(document()))
    assert list(made.stages) == ["prepare/eu-west", "prepare/us", "train/eu-west", "train/us", "summary"]
    assert made.stages["prepare/us"].arguments == ("--region", "us", "$${each.name}")
    assert dependencies(made) == {
        "prepare/eu-west": set(), "prepare/us": set(),
        "train/eu-west": {"prepare/eu-west"}, "train/us": {"prepare/us"},
        "summary": {"prepare/eu-west", "prepare/us"},
    }  # fmt: skip


def test_document_without_lists_stays_the_same():
    plain = load(document(one={**PREPARE, "for_each": None, "arguments": []}))
    assert expanded(plain) is plain


def test_expanded_stages_equal_those_that_are_written_out():
    written = document(
        **{
            f"train-{item}": {**TRAIN, "for_each": None, "channels": {"x": f"s3://own/{item}/"},
                              "hyperparameters": {"rate": rate}, "instance_count": count}
            for item, rate, count in (("eu", 0.1, 1), ("us", 0.2, 2))
        }
    )  # fmt: skip
    listed = document(
        [{"name": "eu", "rate": 0.1, "count": 1}, {"name": "us", "rate": 0.2, "count": 2}],
        train={**TRAIN, "channels": {"x": "s3://own/${each.name}/"},
               "hyperparameters": {"rate": "${each.rate}"}, "instance_count": "${each.count}"},
    )  # fmt: skip
    made = [stage.model_dump(exclude={"for_each"}) for stage in expanded(load(listed)).stages.values()]
    assert made == [stage.model_dump(exclude={"for_each"}) for stage in load(written).stages.values()]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([0.1, 0.01, -3], ["0-1", "0-01", "3"]),
        (["EU West", "ä_b"], ["eu-west", "b"]),
        ([{"name": "a", "n": 1}], ["a"]),
        ([True], ["true"]),
    ],
)
def test_items_have_names(items, expected):
    stage = {**PREPARE, "arguments": ["${each.name}"]}
    assert names(document(items, prepare=stage)) == [f"prepare/{name}" for name in expected]


@pytest.mark.parametrize("text", ["us, jp", '["us", "jp"]', '[{"name": "us"}, {"name": "jp"}]'])
def test_items_come_from_a_parameter(text):
    data = document("${parameters.regions}", {"regions": "eu"}, prepare=PREPARE)
    assert names(data) == ["prepare/eu"]
    assert names(data, regions=text) == ["prepare/us", "prepare/jp"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the list has 0 items"),
        ("[1, ", "is not a list in JSON"),
        ("[[1]]", "is not an item"),
        ('[{"n": 1}]', "has no name"),
        ('[{"name": "a", "n": {}}]', "is not a text, a number"),
        ("a,A", "2 items have the name a"),
        ("--", "makes no name of an instance"),
        (",".join(map(str, range(1001))), "the list has 1,001 items"),
        ("x" * 33, "makes no name"),
    ],
)
def test_wrong_items_of_a_parameter_reject_the_run(text, message):
    pipeline = load(document("${parameters.regions}", {"regions": "eu"}, prepare=PREPARE))
    with pytest.raises(DocumentError, match=r"lists\.regions\.items") as caught:
        with_parameters(pipeline, {"regions": text})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"prepare": {**PREPARE, "for_each": "region"}}, 'no such list: region (did you mean "regions"?)'),
        ({"prepare": {**PREPARE, "arguments": ["${each.nane}"]}}, 'have no nane (did you mean "name"?)'),
        ({"prepare": {**PREPARE, "arguments": []}}, "all items of regions would do the same"),
        (
            {"prepare": {**PREPARE, "outputs": {"clean": "s3://own/clean/"}}},
            "would write clean to s3://own/clean/",
        ),
        ({"prepare": PREPARE, "sum": {**SUMMARY, "arguments": ["${each.name}"]}}, "runs for no list"),
        (
            {"prepare": PREPARE, "sum": {**SUMMARY, "inputs": {"a": "${stages.prepare.outputs.clean}"}}},
            "write ${stages.prepare.all.outputs.clean} for all of them, or set for_each: regions",
        ),
        (
            {"prepare": PREPARE, "sum": {**SUMMARY, "inputs": {"a": "${stages.prepare.all.model}"}}},
            "cannot be gathered",
        ),
        (
            {"prepare": PREPARE, "sum": {**SUMMARY, "inputs": {"a": "${stages.prepare.all}"}}},
            "cannot be gathered",
        ),
        ({"one": {**PREPARE, "for_each": None, "arguments": []},
          "sum": {**SUMMARY, "inputs": {"a": "${stages.one.all.outputs.clean}"}}}, "one has no for_each"),
    ],
)  # fmt: skip
def test_wrong_use_of_a_list_is_reported_once(changes, expected):
    (problem,) = problems(document(**changes))
    assert expected in problem


def test_wrong_items_are_reported_with_other_problems_only():
    data = document(["a", "A"], prepare=PREPARE, train=TRAIN, summary={**SUMMARY, "after": ["nothing"]})
    assert len(problems(data)) == 2


@pytest.mark.parametrize("text", ["", "[1, ", '[{"n": 1}]', "a,A"])
def test_wrong_items_are_reported_also_if_they_choose_code(text):
    stage = {**PREPARE, "image": "${each.name}"}
    data = document("${parameters.r}", {"r": text}, prepare=stage)
    assert any(problem.startswith("lists.regions.items: ") for problem in problems(data))


def test_items_of_a_parameter_choose_no_code_and_open_no_gate():
    stages = {
        "prepare": {**PREPARE, "image": "${each.image}"},
        "good": {"kind": "gate", "for_each": "regions", "require": "1 > ${each.least}", "after": ["prepare"]},
    }
    items = [{"name": "a", "image": "sklearn-1.4", "least": 0}]
    load(document(items, **stages))
    parameters = {"regions": json.dumps(items)}
    image, gate = problems(document("${parameters.regions}", parameters, **stages))
    assert "cannot choose the code that runs" in image
    assert "could open the gate" in gate
    allowed = {"allowed_values": {"regions": [parameters["regions"]]}}
    load({**document("${parameters.regions}", parameters, **stages), **allowed})


def test_text_of_an_item_is_quoted_in_a_condition():
    gate = {"kind": "gate", "for_each": "regions", "require": "${each.name} == 'us'"}
    made = expanded(load(document(good=gate)))
    assert made.stages["good/us"].condition == "\"us\" == 'us'"


def test_too_many_stages_are_rejected():
    stages = {f"s{number}": PREPARE for number in range(3)}
    with pytest.raises(DocumentError, match="the lists make 3,000 stages; a run has at most 2,000"):
        expanded(load(document(range(1000), **stages)))


def test_groups_and_endpoints_of_instances_have_names_of_their_own():
    stages = {
        "train": {**TRAIN, "channels": {}, "hyperparameters": {"r": "${each.name}"}},
        "register": {
            "kind": "register",
            "for_each": "regions",
            "model": "${stages.train.model}",
            "group": "g",
        },
        "deploy": {"kind": "endpoint", "for_each": "regions", "model": "${stages.register.package}"},
    }
    made = expanded(load(document(**stages))).stages
    assert made["register/us"].package_group("prices") == "g-us"
    assert made["deploy/us"].endpoint_name("prices", "dev") == "prices-dev-us"


@pytest.mark.parametrize("item", [None, {"name": "eu", "nested": {"x": 1}}])
def test_invalid_item_does_not_make_the_list_empty(item):
    assert not [problem for problem in problems(document([item])) if "is empty" in problem]
