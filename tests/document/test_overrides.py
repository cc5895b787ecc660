from __future__ import annotations

import pytest

from stagewright.document.overrides import (
    FREE,
    GUARDED,
    Unusable,
    guarded_findings,
    number,
    shape_findings,
    value_findings,
)
from stagewright.stages.base.schema import Defaults
from stagewright.stages.registry import KINDS
from stagewright.syntax.findings import dotted

DOCUMENT = {
    "name": "prices",
    "parameters": {"limit": 3, "month": "2026-01", "fast": True},
    "stages": {
        "train": {"kind": "training", "entry_point": "train.py"},
        "check": {"kind": "gate", "require": "1 > 0"},
    },
}


def paths(findings):
    return [dotted(finding.path) for finding in findings]


def test_every_listed_field_exists_in_a_model():
    known = set(Defaults.model_fields).union(*(kind.schema.model_fields for kind in KINDS.values()))
    assert known >= FREE
    assert known >= GUARDED.keys()
    assert not FREE & GUARDED.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_every_unlisted_field_is_guarded(kind):
    fields = KINDS[kind].schema.model_fields
    document = {"stages": {"one": {"kind": kind}}}
    refused = paths(guarded_findings(document, {"stages": {"one": dict.fromkeys(fields, 1)}}))
    assert set(refused) == {f"stages.one.{field}" for field in fields if field not in FREE}


def test_only_instance_fields_of_defaults_are_free():
    content = {"defaults": {"instance_type": "ml.m5.large", "image": "x", "environment": {}, "tags": {}}}
    refused = paths(guarded_findings(DOCUMENT, content))
    assert refused == ["defaults.image", "defaults.environment", "defaults.tags"]


def test_hyperparameters_that_select_a_script_are_guarded():
    content = {"stages": {"train": {"hyperparameters": {"depth": 3, "sagemaker_program": "evil.py"}}}}
    assert paths(guarded_findings(DOCUMENT, content)) == ["stages.train.hyperparameters.sagemaker_program"]


@pytest.mark.parametrize(
    ("content", "path", "message", "remedy"),
    [
        ({"parameters": {"limti": 4}}, "parameters.limti", "no such parameter", '"limit"'),
        ({"parameters": {"limit": "4"}}, "parameters.limit", 'must be a number, not "4"', ""),
        ({"parameters": {"limit": True}}, "parameters.limit", "must be a number, not true", ""),
        ({"parameters": {"month": 202601}}, "parameters.month", "must be a text, not the number 202601", ""),
        ({"parameters": {"fast": 1}}, "parameters.fast", "must be true or false", ""),
        ({"parameters": {"limit": {"a": 1}}}, "parameters.limit", "must be a number, not a mapping", ""),
        ({"stages": {"trian": {"enabled": False}}}, "stages.trian", "no such stage", '"train"'),
        ({"stages": {"train": False}}, "stages.train", "must be a mapping, not false", ""),
    ],
)
def test_overrides_neither_add_nor_change_types(content, path, message, remedy):
    (finding,) = value_findings(DOCUMENT, content)
    assert dotted(finding.path) == path
    assert message in finding.message
    assert remedy in finding.remedy


@pytest.mark.parametrize(
    ("content", "path", "message"),
    [
        ({"stages": []}, "stages", "must be a mapping, not a list"),
        ({"parameters": "x"}, "parameters", 'must be a mapping, not "x"'),
        ({"paramters": {}}, "paramters", "unknown key"),
        ({"name": "other"}, "name", "unknown key"),
        ({"stages": {"a": {"b": Unusable("a set")}}}, "stages.a.b", "a set"),
        ({"stages": {"a": {"b": [1, {"c": Unusable("null")}]}}}, "stages.a.b[1].c", "null"),
        ({"stages": Unusable("binary data")}, "stages", "binary data"),
    ],
)
def test_unmergeable_overrides_are_reported_first(content, path, message):
    (finding,) = shape_findings(content)
    assert dotted(finding.path) == path
    assert message in finding.message


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("3.0", 3), ("-0.9", -0.9), ("1e-7", 1e-7), ("9007199254740991", 2**53 - 1), ("0", 0)],
)
def test_number_keeps_its_digits(text, value):
    assert number(text) == value
    assert type(number(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("12345678901234567890123456789012345678", "larger than 9007199254740991"),
        ("0.12345678901234567890123456789012345678", "more digits than a number can keep"),
        ("9007199254740993", "larger than 9007199254740991"),
        ("1e-131", "too small for DynamoDB"),
        ("9" * 500, "too many digits"),
    ],
)
def test_number_that_would_change_is_unusable(text, message):
    parsed = number(text, {"N": text})
    assert isinstance(parsed, Unusable)
    assert message in parsed.message
    assert parsed.stored == {"N": text}
