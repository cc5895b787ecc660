from __future__ import annotations

import pytest

from stagewright.spec.condition import Condition, conditions, parse
from stagewright.spec.references import Reference

R2 = Reference("${stages.evaluate.metrics.r2}", ("stages", "evaluate", "metrics", "r2"))

PARSED = [
    ("${stages.evaluate.metrics.r2} >= 0.88", R2, ">=", 0.88),
    ("3<-1", 3, "<", -1),
    ("  1e-3 == ${stages.evaluate.metrics.r2} ", 1e-3, "==", R2),
    ("'a b' != \"it's\"", "a b", "!=", "it's"),
    ("+.5 <= 1.", 0.5, "<=", 1.0),
]


@pytest.mark.parametrize(("text", "left", "op", "right"), PARSED)
def test_a_condition_has_two_operands(text, left, op, right):
    condition = parse(text)

    assert condition == Condition(text.strip(), left, op, right)
    assert [type(operand) for operand in condition.operands] == [type(left), type(right)]


@pytest.mark.parametrize(
    "text", ["", "1", "1 >", "> 1", "1 = 1", "1 === 1", "r2 > 1", "1 > 2 and 2 > 1", "'a == 1", "${} > 1"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="is not `<operand> <op> <operand>`"):
        parse(text)


def test_a_gate_has_one_condition_or_several():
    assert len(conditions("1 < 2")) == 1
    assert [condition.op for condition in conditions(("1 < 2", "2 > 1"))] == ["<", ">"]
