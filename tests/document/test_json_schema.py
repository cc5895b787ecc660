from __future__ import annotations

import json
import re

import pytest

from stagewright.document.json_schema import schema
from stagewright.document.load import load
from stagewright.stages.registry import KINDS


def resolved(part):
    if "$ref" in part:
        return schema()["$defs"][part["$ref"].rpartition("/")[2]]
    return part


def stage(kind):
    return next(
        model
        for model in map(
            resolved, schema()["properties"]["stages"]["patternProperties"].popitem()[1]["oneOf"]
        )
        if model["properties"]["kind"]["const"] == kind
    )


def test_schema_is_draft_2020_12_with_id_and_title():
    made = schema()

    assert made["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (made["$id"], made["title"]) == ("urn:stagewright:pipeline:1", "Stagewright pipeline")
    assert json.loads(json.dumps(made)) == made
    assert made["additionalProperties"] is False
    assert made["required"] == ["name", "stages"]


def test_every_schema_reference_resolves():
    text = json.dumps(schema())
    names = set(re.findall(r'"#/\$defs/(\w+)"', text))

    assert names
    assert names <= schema()["$defs"].keys()


@pytest.mark.slow
def test_every_field_of_every_kind_has_a_description():
    for kind in ("processing", "training", "gate", "register", "endpoint"):
        for name, field in stage(kind)["properties"].items():
            assert field.get("description"), f"{kind}.{name}"


def test_kind_selects_the_model():
    stages = schema()["properties"]["stages"]["patternProperties"].popitem()[1]

    assert stages["discriminator"]["propertyName"] == "kind"
    assert stages["discriminator"]["mapping"].keys() == KINDS.keys()


@pytest.mark.parametrize("field", ["instance_count", "volume_size_gb", "max_runtime_seconds"])
def test_number_field_accepts_a_reference(field):
    number, reference = stage("training")["properties"][field]["anyOf"]

    assert number["type"] == "integer"
    assert re.search(reference["pattern"], "${parameters.size}")
    assert not re.search(reference["pattern"], "12")


def test_schema_and_load_accept_the_same_names(house):
    pattern = schema()["properties"]["name"]["pattern"]
    for name in ("house-price", "a", "a1"):
        assert re.search(pattern, name)
        assert load(house({"name": name})).name == name
    for name in ("House", "1a", "a--b", "a-", "a_b"):
        assert not re.search(pattern, name)


def test_stage_and_parameter_names_must_match_their_pattern():
    for field in ("stages", "parameters"):
        assert schema()["properties"][field]["additionalProperties"] is False
        assert list(schema()["properties"][field]["patternProperties"]) != []
