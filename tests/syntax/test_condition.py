from __future__ import annotations

import pytest

from stagewright.document.load import load
from stagewright.errors import DocumentError
from stagewright.syntax.condition import LIMIT, comparisons, condition, operands, parse, references
from stagewright.syntax.references import Reference

R2 = Reference("${stages.evaluate.metrics.r2}", ("stages", "evaluate", "metrics", "r2"))

VALUES = [
    ("${stages.evaluate.metrics.r2} >= 0.88", R2, ">=", 0.88),
    ("3<-1", 3, "<", -1),
    ("  1e-3 == ${stages.evaluate.metrics.r2} ", 1e-3, "==", R2),
    ("'a b' != \"it's\"", "a b", "!=", "it's"),
    ("+.5 <= 1.", 0.5, "<=", 1.0),
]


@pytest.mark.parametrize(("text", "left", "op", "right"), VALUES)
def test_operands_are_references_numbers_and_texts(text, left, op, right):
    (comparison,) = comparisons(parse(text))

    values = [*operands(comparison.left), *operands(comparison.right)]
    assert ([type(value) for value in values], values) == ([type(left), type(right)], [left, right])
    assert comparison.op == op


def shape(text):
    """Every operator's parts in brackets."""

    def grouped(node):
        return f"({grouped(node.left)} {node.op} {grouped(node.right)})" if hasattr(node, "op") else node.text

    return grouped(parse(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 - 2 - 3 > 4 * 5 + 6 / 7", "(((1 - 2) - 3) > ((4 * 5) + (6 / 7)))"),
        ("2 * (3 + 4) < 5", "((2 * (3 + 4)) < 5)"),
        ("1 < 2 or 3 < 4 and 5 < 6", "((1 < 2) or ((3 < 4) and (5 < 6)))"),
        ("(1 < 2 or 3 < 4) and 5 < 6", "(((1 < 2) or (3 < 4)) and (5 < 6))"),
        ("1 -2 < 3", "((1 - 2) < 3)"),
        ("1 - -2 < 3", "((1 - -2) < 3)"),
        ("not 1 < 2 and 3 < 4", "((1 >= 2) and (3 < 4))"),
        ("not (1 < 2 and 3 == 4)", "((1 >= 2) or (3 != 4))"),
        ("not not 1 < 2", "(1 < 2)"),
        ("not (1 <= 2 or not 3 > 4)", "((1 > 2) and (3 > 4))"),
        ("((1 < 2))", "(1 < 2)"),
    ],
)
def test_operator_precedence(text, expected):
    assert shape(text) == expected


def test_text_of_a_computation_keeps_parentheses():
    (comparison,) = comparisons(parse("(1 +2)*3 >= ${stages.evaluate.metrics.r2}"))
    assert comparison.text == "(1 + 2) * 3 >= ${stages.evaluate.metrics.r2}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "column 1: expected a reference, a number or a text in quotes, found the end"),
        ("1", "column 2: expected a comparison (>= < <= > == !=), found the end"),
        ("1 >", "column 4: expected a reference, a number or a text in quotes, found the end"),
        ("> 1", "column 1: expected a reference, a number or a text in quotes, found >"),
        ("1 = 1", "column 3: expected a value or an operator (>= < <= > == != + - * /), found ="),
        ("1 === 1", "column 5: expected a value or an operator (>= < <= > == != + - * /), found ="),
        ("r2 > 1", "column 1: expected a reference, a number or a text in quotes, found r2"),
        ("1 > 2 2", "column 7: expected an operator, or the end, found 2"),
        ("1 > 2 or", "column 9: expected a reference, a number or a text in quotes, found the end"),
        ("'a == 1", "column 1: expected a value or an operator (>= < <= > == != + - * /), found '"),
        ("${} > 1", "column 1: expected a value or an operator (>= < <= > == != + - * /), found $"),
        ("1 < 2 < 3", "column 7: expected a value before <, found a comparison"),
        ("1 + (2 > 1) > 2", "column 3: expected a value after +, found a comparison"),
        ("1 and 2 > 1", "column 3: expected a comparison before and, found 1"),
        ("not 3", "column 1: expected a comparison after not, found 3"),
        ("(1 > 2", "column 7: expected an operator, or ), found the end"),
        ("1 > 2)", "column 6: expected an operator, or the end, found )"),
        ("1 not 2", "column 3: expected an operator, or the end, found not"),
        (
            " + ".join("1" * LIMIT) + " > 1",
            f"the condition has {2 * LIMIT + 1} tokens; the limit is {LIMIT}",
        ),
        ("(" * 5000 + "1", f"the condition has 5001 tokens; the limit is {LIMIT}"),
    ],
)
def test_invalid_condition_is_rejected_with_its_column(text, expected):
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert str(caught.value) == expected


def test_condition_of_the_maximum_length_is_parsed():
    nested = LIMIT // 2 - 2
    assert shape("(" * nested + "1" + ")" * nested + " < 2") == "(1 < 2)"
    assert shape("not " * (LIMIT - 3) + "1 < 2") == "(1 >= 2)"


def test_several_conditions_are_joined_by_and():
    assert [comparison.op for comparison in comparisons(condition(("1 < 2 or 3 < 4", "2 > 1")))] == [
        "<",
        "<",
        ">",
    ]
    assert condition(("1 < 2", "2 > 1")).op == "and"
    assert list(references(("1 < 2 * ${stages.evaluate.metrics.r2}", "2 > 1"))) == [R2]


def problems(require, **stages):
    scored = {"kind": "processing", "entrypoint": ["x"], "outputs": ["o"], "metrics_file": "o/m.json"}
    fitted = {"kind": "register", "model": "s3://bucket/model.tar.gz"}
    gate = {"kind": "gate", "require": require}
    document = {
        "name": "p",
        "parameters": {"bar": 1, "name": "x", "on": True},
        "defaults": {"image": "sklearn-1.4", "instance_type": "ml.m5.large"},
        "stages": {"evaluate": scored, "register": fitted, "quality": gate, **stages},
    }
    try:
        load(document)
    except DocumentError as error:
        return [problem.message for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("require", "expected"),
    [
        ("${stages.evaluate.metrics.r2} * 2 - ${parameters.bar} > 1 and '${parameters.name}' == 'x'", None),
        ("${parameters.name} == 'x' or not 'a' != ${parameters.name}", None),
        (
            "${parameters.name} + 1 > 2",
            "${parameters.name} + 1 computes with ${parameters.name}, which is a text",
        ),
        ("1 > 0 and 'a' > 'b'", "'a' > 'b' orders texts"),
        (
            "1 > 0 or ${parameters.bar} + 1 == 'b'",
            "${parameters.bar} + 1 == 'b' compares a number with a text",
        ),
        ("(${parameters.on} == 1)", "${parameters.on} is true or false, but gates compare numbers or texts"),
        ("${champion.evaluate.metrics.r2} < 1", None),
        ("${champion.evalate.metrics.r2} < 1", "${champion.evalate.metrics.r2}: no such stage"),
        ("${champion.evaluate.r2} < 1", "${champion.evaluate.r2} is unknown"),
        (
            "${champion.register.metrics.r2} < 1",
            "${stages.register.metrics.r2}: register is a register stage and has no metrics",
        ),
        ("1 > 0 andd 1 > 0", "'1 > 0 andd 1 > 0': column 7: expected an operator, or the end, found andd"),
    ],
)
def test_compared_values_must_have_comparable_types(require, expected):
    assert problems(require) == ([expected] if expected else [])


def test_champion_requires_one_register_stage():
    message = "${champion.evaluate.metrics.r2} needs one register stage"
    another = {"kind": "register", "model": "s3://bucket/model.tar.gz"}
    reported = problems("${champion.evaluate.metrics.r2} < 1", another=another)
    assert reported == [f"{message}; the document has 2"]


def test_champion_is_allowed_only_in_gates():
    reported = problems("1 < 2", more={"kind": "lambda", "function": "${champion.evaluate.metrics.r2}"})
    assert reported == ["${champion.evaluate.metrics.r2} can be used only in a gate's require"]


@pytest.mark.parametrize("otherwise", ["fail", "stop", "skip"])
def test_else_action_of_a_gate(otherwise):
    assert problems("1 < 2", more={"kind": "gate", "require": "1 < 2", "else": otherwise}) == []


def test_else_action_is_written_as_else():
    reported = problems("1 < 2", more={"kind": "gate", "require": "1 < 2", "otherwise": "stop"})
    assert reported == ['unknown key "otherwise"']
    reported = problems("1 < 2", more={"kind": "gate", "require": "1 < 2", "else": "halt"})
    assert reported == ["must be 'fail', 'stop' or 'skip', not \"halt\""]
