"""Stored layers: written by a push, by a command, and by hand."""

from __future__ import annotations

import json
import shlex

import pytest
from boto3.dynamodb.types import TypeSerializer

from stagewright.document import layers
from stagewright.document.assignments import parse_path
from stagewright.document.stored_layers import Base
from stagewright.errors import DocumentError, NotFoundError
from stagewright.runs.documents import layers as layers_layers
from stagewright.runs.documents import revisions
from stagewright.runs.documents.overrides import put, remove
from stagewright.runs.releases.push import push


def by_hand(gateway, item="overrides", **typed):
    """Replace the item, as the AWS console does, with values in DynamoDB's types."""
    key = {"pipeline": {"S": "prices"}, "item": {"S": item}}
    gateway.documents.client.put_item(TableName=gateway.documents.table, Item=key | typed)


def typed(value):
    return TypeSerializer().serialize(value)


def effective(gateway, allowed=False):
    return layers.effective(layers_layers.read(gateway, "prices"), lambda: allowed)


def refused(gateway, allowed=False):
    """Return the text of each problem."""
    with pytest.raises(DocumentError) as raised:
        effective(gateway, allowed)
    return [str(problem) for problem in raised.value.problems]


@pytest.fixture
def stored(gateway, pipeline, files):
    push(gateway, pipeline, files, by="ada", overlay={"parameters": {"limit": 4}})
    return gateway


def test_each_layer_overrides_the_previous_one(stored):
    by_hand(stored, stages=typed({"train": {"hyperparameters": {"limit": 5, "depth": 3}}}))
    document = effective(stored).layers.document()
    assert document["parameters"] == {"limit": 4}
    assert document["stages"]["train"]["hyperparameters"] == {"limit": 5, "depth": 3}
    assert (
        document["stages"]["prepare"]
        == layers_layers.read(stored, "prices").document("base")["stages"]["prepare"]
    )
    found = layers_layers.read(stored, "prices")
    assert found.source(("parameters", "limit")) == "environment"
    assert found.source(("stages", "train", "hyperparameters", "depth")) == "overrides"
    assert found.source(("stages", "train", "kind")) == "base"


def test_native_types_of_the_table_become_document_values(stored):
    values = {"whole": {"N": "500"}, "part": {"N": "0.1"}, "tiny": {"N": "0.0000001"}, "flag": {"BOOL": True}}
    values["text"] = {"S": "0.10"}
    by_hand(stored, stages={"M": {"train": {"M": {"hyperparameters": {"M": values}}}}})
    found = dict(effective(stored).pipeline.stages["train"].hyperparameters)
    limit = found.pop("limit")
    assert limit == "${parameters.limit}"
    assert found == {"whole": 500, "part": 0.1, "tiny": 1e-7, "flag": True, "text": "0.10"}
    assert [type(each) for each in found.values()] == [int, float, float, bool, str]


def test_pipeline_without_document_is_not_found(gateway):
    by_hand(gateway, parameters=typed({"limit": 5}))
    with pytest.raises(NotFoundError, match="no document of prices"):
        layers_layers.read(gateway, "prices")


@pytest.mark.parametrize(
    ("item", "path", "words"),
    [
        ({"stages": {"L": []}}, "stages", "must be a mapping, not a list"),
        ({"stages": {"S": "train"}}, "stages", "must be a mapping"),
        ({"parameters": {"SS": ["a"]}}, "parameters", "a set of texts (SS)"),
        ({"parameters": {"M": {"limit": {"B": b"5"}}}}, "parameters.limit", "binary data (B)"),
        ({"parameters": {"M": {"limit": {"NULL": True}}}}, "parameters.limit", "null is not a value"),
        ({"parameters": {"M": {"limit": {"S": "5"}}}}, "parameters.limit", 'must be a number, not "5"'),
        ({"parameters": {"M": {"limit": {"N": "1" * 38}}}}, "parameters.limit", "the largest whole number"),
        ({"parameters": {"M": {"limti": {"N": "5"}}}}, "parameters.limti", 'did you mean "limit"?'),
        ({"paramters": {"M": {}}}, "paramters", 'did you mean "parameters"?'),
        ({"stages": typed({"trian": {"enabled": False}})}, "stages.trian", 'did you mean "train"?'),
        ({"stages": typed({"train": {"instance_tipe": "x"}})}, "stages.train.instance_tipe", "instance_type"),
        ({"stages": typed({"train": {"enabled": "no"}})}, "stages.train.enabled", "true or false"),
        ({"stages": typed({"train": {"instance_type": "big"}})}, "stages.train.instance_type", "ml.m5"),
        ({"stages": typed({"train": {"image": "x"}})}, "stages.train.image", "it is the code that runs"),
        ({"stages": typed({"train": {"kind": "gate"}})}, "stages.train.kind", "the reviewed document"),
        ({"defaults": typed({"image": "x"})}, "defaults.image", "overrides may not change this field"),
    ],
)
def test_invalid_table_edit_names_layer_and_remedy(stored, item, path, words):
    by_hand(stored, **item)
    problems = refused(stored)
    assert problems[0].startswith(f"{path}: ")
    assert words in problems[0]
    assert "in the overrides" in problems[0]
    assert f"stagewright unset prices {path}" in problems[0]


@pytest.mark.parametrize("key", ["", "a.b", "two\nlines"])
def test_remedy_is_a_valid_command_for_any_key(stored, key):
    by_hand(stored, stages=typed({"train": {"hyperparameters": {key: "many ${x}"}}}))
    (problem,) = refused(stored)
    command = problem[problem.index("stagewright unset") : problem.rindex(")")]
    *_, pipeline, path = shlex.split(command)
    remove(stored, pipeline, [parse_path(path)], "bea")
    assert "hyperparameters" not in layers_layers.read(stored, "prices").data("overrides").get("stages", {})


def test_all_problems_are_reported_at_once(stored):
    edits = {"train": {"image": "x", "enabled": "no"}, "trian": {"enabled": False}}
    by_hand(stored, stages=typed(edits), parameters=typed({"limti": 1}))
    places = {problem.partition(":")[0] for problem in refused(stored)}
    assert places == {"stages.train.image", "stages.train.enabled", "stages.trian", "parameters.limti"}


def test_code_overrides_need_the_permission_of_the_installation(stored):
    by_hand(stored, stages=typed({"train": {"image": "sklearn-1.2"}}))
    assert "STAGEWRIGHT_CODE_OVERRIDES" in refused(stored)[0]
    assert effective(stored, allowed=True).pipeline.stages["train"].image == "sklearn-1.2"


def test_permission_is_not_read_without_code_overrides(stored):
    by_hand(stored, parameters=typed({"limit": 6}))

    def allowed():
        raise AssertionError("the permission was read")

    made = layers.effective(layers_layers.read(stored, "prices"), allowed)
    assert made.pipeline.parameters == {"limit": 6}


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"document": {"S": "{"}}, "the stored document is not JSON"),
        ({"document": {"S": "[]"}}, "the stored document is not a JSON object"),
        ({"document": typed({"name": "prices"})}, "no string attribute `document`"),
        ({"written": {"S": "now"}}, "no string attribute `document`"),
        ({"document": {"S": '{"name": "prices", "stages": {}}'}}, "stages: is empty, in the base document"),
    ],
)
def test_next_push_repairs_an_edited_base(stored, pipeline, files, item, words):
    before = stored.documents.base("prices").document
    by_hand(stored, "base", **item)
    assert words in refused(stored)[0]
    assert push(stored, pipeline, files, overlay={"parameters": {"limit": 4}}).trigger_key
    assert stored.documents.base("prices").document == before
    assert effective(stored).pipeline.parameters == {"limit": 4}


def test_document_of_another_pipeline_is_rejected(stored):
    other = json.loads(stored.documents.base("prices").document) | {"name": "other"}
    by_hand(stored, "base", document={"S": json.dumps(other)})
    assert refused(stored)[0].startswith("name: the document of other")


def test_invalid_overlay_is_named(stored):
    stored.documents.put_layer("prices", "environment", Base('{"stages": {"train": {"enabled": 1}}}', "", ""))
    (problem,) = refused(stored)
    assert problem.startswith("stages.train.enabled: must be true or false, not the number 1")
    assert "in the environment's overlay (fix it in the repository and push)" in problem


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        (
            '{"stages": {"trian": {"instance_count": 2}}}',
            "stages.trian: the document has no such stage, in the",
        ),
        ('{"parameters": {"limit": "many"}}', "parameters.limit: the document declares a number"),
        ('{"parameters": {"limti": 9}}', 'did you mean "limit"?'),
    ],
)
def test_overlay_of_an_unknown_stage_is_one_problem(stored, overlay, words):
    stored.documents.put_layer("prices", "environment", Base(overlay, "", ""))
    (problem,) = refused(stored)
    assert words in problem
    assert "the environment's overlay" in problem


def revision(gateway, by=""):
    number = revisions.record(gateway, effective(gateway), by)
    newest = gateway.documents.newest_revision("prices")
    assert newest.number == number
    return newest


def test_revision_names_its_layers_and_author(stored, pipeline, files, tools):
    first = revision(stored)
    assert first.number == 1
    assert first.author == "ada"
    assert first.layers["base"] == stored.documents.base("prices").sha256
    assert first.layers["environment"] == stored.documents.layer("prices", "environment").sha256
    assert first.layers["overrides"] == ""
    assert first.layers["version"] == 0
    put(stored, "prices", ["parameters.limit=7"], "bea")
    second = stored.documents.newest_revision("prices")
    assert second.number == 2
    assert second.author == "bea"
    assert second.layers["version"] == 1
    push(stored, pipeline, files | {"train.py": b"new"}, by="cyd")
    third = revision(stored)
    assert third.number == 2, "the overlay is gone, and the override has the last word: nothing changed"
    push(stored, pipeline.model_copy(update={"description": "new"}), files, by="cyd")
    assert revision(stored).number == 3
    assert revision(stored).author == "cyd"


def test_table_edit_has_no_author(stored):
    put(stored, "prices", ["parameters.limit=7"], "bea")
    table, key = stored.documents.table, {"pipeline": {"S": "prices"}, "item": {"S": "overrides"}}
    stored.documents.client.update_item(
        TableName=table, Key=key, UpdateExpression="SET #p.#l = :v",
        ExpressionAttributeNames={"#p": "parameters", "#l": "limit"},
        ExpressionAttributeValues={":v": {"N": "8"}},
    )  # fmt: skip
    edited = revision(stored)
    assert json.loads(edited.document)["parameters"] == {"limit": 8}
    assert edited.author == layers.TABLE_EDIT
    stored.documents.client.delete_item(TableName=table, Key=key)
    removed = revision(stored)
    assert removed.number == edited.number + 1
    assert removed.author == layers.TABLE_EDIT
    by_hand(stored, "base", document={"S": stored.documents.base("prices").document.replace("3", "9")})
    by_hand(stored, "environment", document={"S": "{}"})
    assert revision(stored).author == layers.TABLE_EDIT


def test_forged_author_fails_the_checksum(stored):
    put(stored, "prices", ["parameters.limit=7"], "bea")
    item = dict(layers_layers.read(stored, "prices").overrides.stored)
    assert layers_layers.read(stored, "prices").overrides_author == "bea"
    stored.documents.client.put_item(TableName=stored.documents.table, Item=item | {"by": {"S": "eve"}})
    assert layers_layers.read(stored, "prices").overrides_author == layers.TABLE_EDIT


def test_effective_document_larger_than_an_item_is_rejected(stored):
    many = {f"h{number}": "x" * 2_400 for number in range(90)}
    document = json.loads(stored.documents.base("prices").document)
    document["stages"]["train"]["hyperparameters"] = many
    document["description"] = "x" * 100_000
    stored.documents.put_layer("prices", "base", Base(json.dumps(document), "", ""))
    more = {
        f"s{number}": {"kind": "gate", "require": "1 >= 0", "description": "y" * 900} for number in range(150)
    }
    overlay = Base(json.dumps({"stages": more}), "", "")
    stored.documents.put_layer("prices", "environment", overlay)
    with pytest.raises(DocumentError, match="DynamoDB keeps at most 409,600"):
        revisions.record(stored, effective(stored))
    assert stored.documents.newest_revision("prices") is None
