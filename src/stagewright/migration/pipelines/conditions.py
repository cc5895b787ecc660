"""Condition steps -> gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.migration.pipelines.expressions import Expressions
from stagewright.syntax.references import sole_reference

OPERATORS = {
    "Equals": "==",
    "GreaterThan": ">",
    "GreaterThanOrEqualTo": ">=",
    "LessThan": "<",
    "LessThanOrEqualTo": "<=",
}


def required(of: Expressions, conditions: Any, path: str) -> str:
    """The condition that all of the conditions make together."""
    if not isinstance(conditions, list) or not conditions:
        return of.refuse(path, "has no conditions", "add one")
    parts = [_condition(of, condition, f"{path}[{index}]") for index, condition in enumerate(conditions)]
    return _joined(" and ", parts)


def negated(condition: str) -> str:
    return f"not ({condition})"


def _condition(of: Expressions, condition: Any, path: str) -> str:
    kind: Any = condition.get("Type") if isinstance(condition, Mapping) else condition
    match condition:
        case {"Type": "Or", "Conditions": list(inner)} if inner:
            return _joined(" or ", [_condition(of, item, f"{path}.Conditions") for item in inner])
        case {"Type": "Not", "Condition": inner} | {"Type": "Not", "Expression": inner}:
            return negated(_condition(of, inner, path))
        case {"Type": "In", "QueryValue": value, "Values": list(values)} if values:
            term = _term(of, value, path)
            return _joined(" or ", [f"{term} == {_term(of, item, path)}" for item in values])
        case {"Type": str(op), "LeftValue": left, "RightValue": right} if op in OPERATORS:
            return f"{_term(of, left, path)} {OPERATORS[op]} {_term(of, right, path)}"
    return of.refuse(path, f"the condition {kind} has no counterpart", f"use {', '.join(OPERATORS)}")


def _term(of: Expressions, value: Any, path: str) -> str:
    """A reference, a number or a text in quotes."""
    rendered = of.render(value, path)
    if isinstance(rendered, bool):
        return f'"{str(rendered).lower()}"'
    if isinstance(rendered, int | float):
        return repr(rendered)
    text = str(rendered)
    if sole_reference(text):
        return text
    quote = "'" if '"' in text else '"'
    if "${" in text or quote in text:
        return of.refuse(path, "a text that is put together cannot be compared", "compare one value")
    return f"{quote}{text}{quote}"


def _joined(word: str, parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else word.join(f"({part})" for part in parts)
