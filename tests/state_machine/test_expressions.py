"""Requests with values of the run, evaluated with the measured semantics of AWS."""

from __future__ import annotations

import json

import pytest

from stagewright.local.step_functions.expressions import EvaluationError, evaluate
from stagewright.stages.base import expressions
from stagewright.state_machine.builder import build
from stagewright.state_machine.lint import lint

AWKWARD = 'quote " backslash \\ newline \n dollar $1 token <<a.job>> and << unicode é 房 😀😀😀'


@pytest.fixture
def filled():
    def fill(request, **values):
        values = {name.replace("__", "."): value for name, value in values.items()}
        bindings = [{"token": f"<<{path}>>", "path": path.split(".")} for path in values]
        text = json.dumps(request, ensure_ascii=False)
        stage = {"bindings": bindings, "attempt": 1, "requests": {"CreateTrainingJob": text}}
        given = {"stage": stage, "values": values}
        code = expressions.bound("CreateTrainingJob")[3:-3]
        return evaluate(f"{{% {code} %}}", "Arguments", {"states": {"input": given}})

    return fill


@pytest.mark.parametrize("value", ["😀", AWKWARD, "", "a", '"', "]", '"]', "<<", "12", "true", "\\"])
def test_text_is_filled_in_whole_and_inside(filled, value):
    made = filled({"Whole": "<<a.x>>", "Inside": "> <<a.x>> <", "List": ["<<a.x>>", "<<a.x>>/b"]}, a__x=value)
    assert made == {"Whole": value, "Inside": f"> {value} <", "List": [value, f"{value}/b"]}


@pytest.mark.parametrize("value", [12.5, 0, True, False, None, [1, "😀"], [["a"]], [], {"k": "<<a.x>>"}])
def test_value_keeps_its_type_where_it_is_a_whole_field(filled, value):
    assert filled({"Whole": "<<a.x>>", "List": ["<<a.x>>"]}, a__x=value) == {"Whole": value, "List": [value]}


def test_value_is_never_read_as_a_token(filled):
    made = filled({"A": "<<a.x>>", "B": "<<a.y>> <<a.x>>"}, a__x="<<a.y>>", a__y='"<<a.x>>"')
    assert made == {"A": "<<a.y>>", "B": '"<<a.x>>" <<a.y>>'}


@pytest.mark.parametrize(
    "text", ['say "<<a.x>>', '"<<a.x>>"', "\\<<a.x>>", '\\"<<a.x>>"', "<< <<a.x>> >> <<b>> <<", ',"<<a.x>>":']
)
def test_text_around_a_token_stays_as_it_is(filled, text):
    assert filled({"A": text, "<<a.x>>": 1}, a__x="v") == {"A": text.replace("<<a.x>>", "v"), "v": 1}


def test_request_without_values_stays_as_it_is(filled):
    assert filled({"A": "x <<b.x>> 😀", "N": 1.5}) == {"A": "x <<b.x>> 😀", "N": 1.5}


def test_missing_value_is_an_error_with_its_name():
    stage = {
        "bindings": [{"token": "<<a.outputs.x>>", "path": ["a", "outputs", "x"]}],
        "attempt": 1,
        "requests": {"CreateTrainingJob": '{"A": "<<a.outputs.x>>"}'},
    }
    code = expressions.bound("CreateTrainingJob")[3:-3]
    with pytest.raises(EvaluationError) as failed:
        evaluate(f"{{% {code} %}}", "Arguments", {"states": {"input": {"stage": stage, "values": {}}}})
    assert "a has no outputs.x" in failed.value.cause


@pytest.mark.parametrize("start", ["$length($x) - 2", "0", "1", "-3"])
def test_lint_refuses_positions_that_aws_counts_in_other_units(start):
    machine = build()
    text = f"{{% $substring($x, {start}, $length($x) - 1) %}}"
    machine["States"]["Run failed"]["Cause"] = text
    (problem,) = lint(machine)
    assert "$substring cuts UTF-16 units, and $length counts code points" in problem
