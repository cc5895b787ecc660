"""A gate's condition: comparisons joined by `and`, `or` and `not`, over numbers that may be computed.

Operator precedence:

| precedence | operators |
|---|---|
| lowest | `or` |
| | `and` |
| | `not` |
| | `>=` `<=` `==` `!=` `>` `<`, between two values |
| | `+` `-` |
| highest | `*` `/` |

The parser removes every `not`: `not (a < b and c == d)` becomes `a >= b or c != d`. A false condition can
then be explained by its false comparisons, and a missing value never opens a gate.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from stagewright.syntax.references import Reference, sole_reference

OPPOSITES = {">=": "<", "<": ">=", "<=": ">", ">": "<=", "==": "!=", "!=": "=="}
OPERATORS = tuple(OPPOSITES)
ORDERING = (">=", "<=", ">", "<")
ARITHMETIC = ("+", "-", "*", "/")
POWERS = {"or": 1, "and": 2, "not": 3, **dict.fromkeys(OPERATORS, 4), "+": 5, "-": 5, "*": 6, "/": 6}
LIMIT = 200
"""Maximum number of tokens in one condition."""

Operand = Reference | int | float | str

_KNOWN = " ".join((*OPERATORS, *ARITHMETIC))
_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TOKEN = re.compile(
    rf"""\s*(?:(?P<value>\$\{{[^{{}}]+\}}|"[^"]*"|'[^']*'|{_NUMBER})|(?P<op>[<>=!]=|[-<>+*/()]|[A-Za-z_]\w*))"""
)


@dataclass(frozen=True)
class Value:
    """A reference, a number or a string. `text`: as written."""

    text: str
    operand: Operand


@dataclass(frozen=True)
class Arithmetic:
    """A computation on two numbers."""

    text: str
    op: str
    left: Term
    right: Term


Term = Value | Arithmetic


@dataclass(frozen=True)
class Comparison:
    """A comparison of two terms."""

    op: str
    left: Term
    right: Term

    @property
    def text(self) -> str:
        return f"{self.left.text} {self.op} {self.right.text}"


@dataclass(frozen=True)
class Junction:
    """Two conditions joined by `op`: `and` or `or`."""

    op: str
    left: Condition
    right: Condition


Condition = Comparison | Junction


@dataclass(frozen=True)
class _Token:
    """A value, an operator or a parenthesis. `column` counts from 1. At the end, `text` is empty."""

    text: str
    column: int
    is_value: bool = False


def parse(text: str) -> Condition:
    """Parse one condition.

    Raises ValueError with the column and what is expected there.
    """
    parser = _Parser(_tokens(text))
    parsed = parser.expression(0)
    if parser.current.text:
        raise _expected(parser.current, "an operator, or the end")
    if isinstance(parsed, Term):
        raise _expected(parser.current, f"a comparison ({' '.join(OPERATORS)})")
    return parsed


def condition(require: str | tuple[str, ...]) -> Condition:
    """Return a gate's `require` as one condition. A list is joined by `and`."""
    joined, *rest = (parse(text) for text in ([require] if isinstance(require, str) else require))
    for part in rest:
        joined = Junction("and", joined, part)
    return joined


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """Yield the comparisons of a condition, from left to right."""
    if isinstance(condition, Comparison):
        yield condition
    else:
        yield from comparisons(condition.left)
        yield from comparisons(condition.right)


def operands(term: Term) -> Iterator[Operand]:
    """Yield the operands of a term, from left to right."""
    if isinstance(term, Value):
        yield term.operand
    else:
        yield from operands(term.left)
        yield from operands(term.right)


def references(require: str | tuple[str, ...]) -> Iterator[Reference]:
    """Yield every reference in a gate's `require`."""
    for comparison in comparisons(condition(require)):
        for operand in (*operands(comparison.left), *operands(comparison.right)):
            if isinstance(operand, Reference):
                yield operand


class _Parser:
    """A precedence-climbing parser."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.position = 0

    @property
    def current(self) -> _Token:
        return self.tokens[self.position]

    def next(self) -> _Token:
        self.position += 1
        return self.tokens[self.position - 1]

    def expression(self, power: int) -> Term | Condition:
        """Parse an operand and all following operators that bind more tightly than `power`."""
        left = self.operand()
        while self._binds_more_than(power):
            operator = self.next()
            right = self.expression(POWERS[operator.text])
            left = _joined(operator, left, right)
        return left

    def _binds_more_than(self, power: int) -> bool:
        token = self.current
        return not token.is_value and token.text != "not" and POWERS.get(token.text, 0) > power

    def operand(self) -> Term | Condition:
        """Parse a value, a signed number, a negation or a parenthesized expression."""
        token = self.next()
        if token.is_value:
            return Value(token.text, _operand(token.text))
        match token.text:
            case "(":
                return self.parenthesized()
            case "not":
                return _negated(_condition(self.expression(POWERS["not"]), token, "after"))
            case "+" | "-" if self.current.is_value and re.fullmatch(_NUMBER, self.current.text):
                number = token.text.strip("+") + self.next().text
                return Value(number, _operand(number))
            case _:
                raise _expected(token, "a reference, a number or a text in quotes")

    def parenthesized(self) -> Term | Condition:
        inner = self.expression(0)
        if self.current.text != ")":
            raise _expected(self.current, "an operator, or )")
        self.next()
        return replace(inner, text=f"({inner.text})") if isinstance(inner, Arithmetic) else inner


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            start = end - len(text[position:end].lstrip())
            raise _expected(_Token(text[start], start + 1), f"a value or an operator ({_KNOWN})")
        kind = "value" if match["value"] else "op"
        tokens.append(_Token(match[kind], match.start(kind) + 1, kind == "value"))
        position = match.end()
    if len(tokens) > LIMIT:
        raise ValueError(f"the condition has {len(tokens)} tokens; the limit is {LIMIT}")
    return [*tokens, _Token("", end + 1)]


def _joined(operator: _Token, left: Term | Condition, right: Term | Condition) -> Term | Condition:
    op = operator.text
    if op in ("and", "or"):
        return Junction(op, _condition(left, operator, "before"), _condition(right, operator, "after"))
    before, after = _term(left, operator, "before"), _term(right, operator, "after")
    if op in OPERATORS:
        return Comparison(op, before, after)
    return Arithmetic(f"{before.text} {op} {after.text}", op, before, after)


def _condition(parsed: Term | Condition, token: _Token, side: str) -> Condition:
    if isinstance(parsed, Condition):
        return parsed
    raise ValueError(f"column {token.column}: expected a comparison {side} {token.text}, found {parsed.text}")


def _term(parsed: Term | Condition, token: _Token, side: str) -> Term:
    if isinstance(parsed, Term):
        return parsed
    raise ValueError(f"column {token.column}: expected a value {side} {token.text}, found a comparison")


def _negated(condition: Condition) -> Condition:
    if isinstance(condition, Comparison):
        return replace(condition, op=OPPOSITES[condition.op])
    op = "or" if condition.op == "and" else "and"
    return Junction(op, _negated(condition.left), _negated(condition.right))


def _expected(token: _Token, what: str) -> ValueError:
    return ValueError(f"column {token.column}: expected {what}, found {token.text or 'the end'}")


def _operand(text: str) -> Operand:
    if reference := sole_reference(text):
        return reference
    if text[0] in "\"'":
        return text[1:-1]
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is too large for a number")
    return int(text) if re.fullmatch(r"-?\d+", text) else number
