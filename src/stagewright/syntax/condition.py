"""What a gate requires: comparisons joined by `and`, `or` and `not`, over numbers that may be computed.

| binds | operators |
|---|---|
| least | `or` |
| | `and` |
| | `not` |
| | `>=` `<=` `==` `!=` `>` `<`, between two values |
| | `+` `-` |
| most | `*` `/` |

There is no `not` in what is parsed: `not (a < b and c == d)` is `a >= b or c != d`. So a condition that does
not hold is explained by comparisons that do not hold, and a value that is missing never opens a gate.
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
"""Words of one condition."""

Operand = Reference | int | float | str

_KNOWN = " ".join((*OPERATORS, *ARITHMETIC))
_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_WORD = re.compile(
    rf"""\s*(?:(?P<value>\$\{{[^{{}}]+\}}|"[^"]*"|'[^']*'|{_NUMBER})|(?P<op>[<>=!]=|[-<>+*/()]|[A-Za-z_]\w*))"""
)


@dataclass(frozen=True)
class Value:
    """A reference, a number or a text; `text` as written."""

    text: str
    operand: Operand


@dataclass(frozen=True)
class Arithmetic:
    """Two numbers computed to one."""

    text: str
    op: str
    left: Term
    right: Term


Term = Value | Arithmetic


@dataclass(frozen=True)
class Comparison:
    op: str
    left: Term
    right: Term

    @property
    def text(self) -> str:
        return f"{self.left.text} {self.op} {self.right.text}"


@dataclass(frozen=True)
class Junction:
    """Two conditions; `op` is `and` or `or`."""

    op: str
    left: Condition
    right: Condition


Condition = Comparison | Junction


@dataclass(frozen=True)
class _Word:
    text: str
    column: int
    is_value: bool = False


def parse(text: str) -> Condition:
    """ValueError says in which column what is expected, where `text` is no condition."""
    parser = _Parser(_words(text))
    found = parser.expression(0)
    if parser.here.text:
        raise _expected(parser.here, "an operator, or the end")
    if isinstance(found, Term):
        raise _expected(parser.here, f"a comparison ({' '.join(OPERATORS)})")
    return found


def condition(require: str | tuple[str, ...]) -> Condition:
    """A gate's `require` as one condition: of several, all must hold."""
    first, *rest = (parse(text) for text in ([require] if isinstance(require, str) else require))
    for each in rest:
        first = Junction("and", first, each)
    return first


def comparisons(condition: Condition) -> Iterator[Comparison]:
    """From left to right."""
    if isinstance(condition, Comparison):
        yield condition
    else:
        yield from comparisons(condition.left)
        yield from comparisons(condition.right)


def operands(term: Term) -> Iterator[Operand]:
    """From left to right."""
    if isinstance(term, Value):
        yield term.operand
    else:
        yield from operands(term.left)
        yield from operands(term.right)


def references(require: str | tuple[str, ...]) -> Iterator[Reference]:
    """Every reference that a gate judges by."""
    for each in comparisons(condition(require)):
        for operand in (*operands(each.left), *operands(each.right)):
            if isinstance(operand, Reference):
                yield operand


class _Parser:
    """Precedence climbing: an operator takes what binds more."""

    def __init__(self, words: list[_Word]) -> None:
        self.words = words
        self.at = 0

    @property
    def here(self) -> _Word:
        return self.words[self.at]

    def next(self) -> _Word:
        self.at += 1
        return self.words[self.at - 1]

    def expression(self, power: int) -> Term | Condition:
        left = self.first()
        while not self.here.is_value and POWERS.get(self.here.text, 0) > power and self.here.text != "not":
            operator = self.next()
            right = self.expression(POWERS[operator.text])
            left = _joined(operator, left, right)
        return left

    def first(self) -> Term | Condition:
        word = self.next()
        if word.is_value:
            return Value(word.text, _operand(word.text))
        match word.text:
            case "(":
                return self.inside()
            case "not":
                return _negated(_condition(self.expression(POWERS["not"]), word, "after"))
            case "+" | "-" if self.here.is_value and re.fullmatch(_NUMBER, self.here.text):
                number = word.text.strip("+") + self.next().text
                return Value(number, _operand(number))
            case _:
                raise _expected(word, "a reference, a number or a text in quotes")

    def inside(self) -> Term | Condition:
        found = self.expression(0)
        if self.here.text != ")":
            raise _expected(self.here, "an operator, or )")
        self.next()
        return replace(found, text=f"({found.text})") if isinstance(found, Arithmetic) else found


def _words(text: str) -> list[_Word]:
    words: list[_Word] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _WORD.match(text, at)
        if match is None:
            blanks = len(text[at:]) - len(text[at:].lstrip())
            raise _expected(_Word(text[at + blanks], at + blanks + 1), f"a value or an operator ({_KNOWN})")
        kind = "value" if match["value"] else "op"
        words.append(_Word(match[kind], match.start(kind) + 1, kind == "value"))
        at = match.end()
    if len(words) > LIMIT:
        raise ValueError(f"{len(words)} words, and {LIMIT} are the most of one condition")
    return [*words, _Word("", end + 1)]


def _joined(operator: _Word, left: Term | Condition, right: Term | Condition) -> Term | Condition:
    op = operator.text
    if op in ("and", "or"):
        return Junction(op, _condition(left, operator, "before"), _condition(right, operator, "after"))
    before, after = _term(left, operator, "before"), _term(right, operator, "after")
    if op in OPERATORS:
        return Comparison(op, before, after)
    return Arithmetic(f"{before.text} {op} {after.text}", op, before, after)


def _condition(found: Term | Condition, word: _Word, side: str) -> Condition:
    if isinstance(found, Condition):
        return found
    raise ValueError(f"column {word.column}: expected a comparison {side} {word.text}, found {found.text}")


def _term(found: Term | Condition, word: _Word, side: str) -> Term:
    if isinstance(found, Term):
        return found
    raise ValueError(f"column {word.column}: expected a value {side} {word.text}, found a comparison")


def _negated(found: Condition) -> Condition:
    if isinstance(found, Comparison):
        return replace(found, op=OPPOSITES[found.op])
    return Junction("or" if found.op == "and" else "and", _negated(found.left), _negated(found.right))


def _expected(word: _Word, what: str) -> ValueError:
    return ValueError(f"column {word.column}: expected {what}, found {word.text or 'the end'}")


def _operand(text: str) -> Operand:
    if reference := sole_reference(text):
        return reference
    if text[0] in "\"'":
        return text[1:-1]
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:20]} is larger than a number can be")
    return int(text) if re.fullmatch(r"-?\d+", text) else number
