"""What a gate requires: `<operand> <op> <operand>`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stagewright.spec.references import Reference, whole

OPERATORS = (">=", "<=", "==", "!=", ">", "<")
ORDERING = (">=", "<=", ">", "<")

Operand = Reference | int | float | str

_OPERAND = r"""\$\{[^{}]+\}|"[^"]*"|'[^']*'|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"""
_CONDITION = re.compile(rf"\s*({_OPERAND})\s*({'|'.join(OPERATORS)})\s*({_OPERAND})\s*")


@dataclass(frozen=True)
class Condition:
    """`text` as written, without space around it; each operand a reference, a number or a text."""

    text: str
    left: Operand
    op: str
    right: Operand

    @property
    def operands(self) -> tuple[Operand, Operand]:
        return self.left, self.right


def parse(text: str) -> Condition:
    """ValueError says what is expected where `text` is no condition."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not `<operand> <op> <operand>`")
    return Condition(text.strip(), _operand(match[1]), match[2], _operand(match[3]))


def conditions(require: str | tuple[str, ...]) -> tuple[Condition, ...]:
    """All conditions of a gate's `require`."""
    return tuple(parse(text) for text in ([require] if isinstance(require, str) else require))


def _operand(text: str) -> Operand:
    if reference := whole(text):
        return reference
    if text[0] in "\"'":
        return text[1:-1]
    return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)
