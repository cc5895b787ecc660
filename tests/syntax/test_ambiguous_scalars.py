from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stagewright.syntax.ambiguous_scalars import AMBIGUOUS_SCALARS, ambiguity, inexact, resolve

TERRAFORM = json.loads(Path(__file__).with_name("terraform_yamldecode.json").read_text())["read"]
ERROR = {"error": True}


def pyyaml(text):
    try:
        return yaml.safe_load(f"k: {text}")["k"]
    except yaml.YAMLError:
        return ERROR


def same(left, right):
    return left == right and (type(left) is type(right) or {type(left), type(right)} == {int, float})


@pytest.mark.parametrize("text", TERRAFORM)
def test_accepted_scalars_are_read_equally_by_terraform_and_pyyaml(text):
    terraform, python = TERRAFORM[text], pyyaml(text)
    if not same(terraform, python):
        assert ambiguity(text) or python == ERROR, f"{text}: {terraform!r} and {python!r}"
    if ambiguity(text) is None and python != ERROR:
        assert same(resolve(text), terraform)


def test_recorded_readings_include_both_outcomes():
    differing = [text for text, value in TERRAFORM.items() if not same(value, pyyaml(text))]

    assert len(differing) > 30
    assert len(TERRAFORM) - len(differing) > 30


@given(st.text(alphabet="0123456789+-.eE_:xobynYNTFrutlsaf~=", min_size=1, max_size=8))
def test_accepted_scalars_are_read_equally_by_pyyaml(text):
    python = pyyaml(text)
    if ambiguity(text) is None and python != ERROR and not isinstance(python, dict | list):
        assert same(resolve(text), python), text


EXAMPLES = [(trap, example) for trap in AMBIGUOUS_SCALARS for example in trap.examples]


@pytest.mark.parametrize(("trap", "example"), EXAMPLES, ids=[example for _, example in EXAMPLES])
def test_example_matches_its_form_and_its_remedy_is_accepted(trap, example):
    message, remedy = ambiguity(example)

    assert message == f"{example} {trap.reading}"
    assert f'"{example}"' in remedy
    if instead := trap.instead(example):
        assert ambiguity(instead) is None, f"{example}: {instead} is a trap too"


INSTEAD = [
    ("1e-3", "0.001"),
    ("1E5", "100000"),
    ("010", "10"),
    ("-007", "-7"),
    ("00", "0"),
    ("01.5", "1.5"),
    ("0o10", "8"),
    ("0x1F", "31"),
    ("1_000", "1000"),
    (".5", "0.5"),
    ("-.5", "-0.5"),
    ("on", "true"),
    ("No", "false"),
    ("~", "null"),
]


@pytest.mark.parametrize(("text", "instead"), INSTEAD)
def test_remedy_has_the_replacement(text, instead):
    assert ambiguity(text)[1] == f'write {instead}, or "{text}" for text'


@pytest.mark.parametrize(
    "text", ["9007199254740993", "1" * 500, "0.12345678901234567890", "-0", "-0.0", "1.0e+999", "1" * 30]
)
def test_inexact_number_is_rejected(text):
    assert inexact(text)


@pytest.mark.parametrize("text", ["0", "9007199254740991", "0.1", "1.0e-7", "-12.50", "+3"])
def test_exact_number_is_accepted(text):
    assert ambiguity(text) is None
