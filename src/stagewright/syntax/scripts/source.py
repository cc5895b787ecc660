"""The syntax tree of a script, and the values of its expressions that can be known without running it."""

from __future__ import annotations

import ast
import io
import os
import tokenize
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any


class Unknown:
    """The value of an expression that only a run can compute."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()
ENVIRONMENT = ("os.environ.get", "os.getenv", "environ.get", "getenv")
WRAPPERS = ("str", "json.loads", "Path", "pathlib.Path", "os.path.abspath", "os.path.expanduser")
"""Functions whose value is their first argument, as far as a reader of paths and names is concerned."""
JOINS = ("os.path.join", "Path", "pathlib.Path")
CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {"int": int, "float": float}


@dataclass(frozen=True)
class Value:
    """The value of an expression. `variable`: the environment variable that it comes from, or ""."""

    value: Any = UNKNOWN
    variable: str = ""


@dataclass(frozen=True)
class Source:
    """A parsed script. `name` is the path for messages."""

    name: str
    tree: ast.Module = field(repr=False)

    @cached_property
    def assigned(self) -> Mapping[str, ast.expr]:
        """Name -> the value of its only assignment in the script."""
        values: dict[str, list[ast.expr]] = {}
        for node in ast.walk(self.tree):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    values.setdefault(name, []).append(value)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    values.setdefault(name, []).append(value)
        return {name: nodes[0] for name, nodes in values.items() if len(nodes) == 1}

    def calls(self) -> Iterator[ast.Call]:
        """Every call, in the order of the lines."""
        calls = (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))
        return iter(sorted(calls, key=lambda call: (call.lineno, call.col_offset)))

    def strings(self) -> Iterator[tuple[str, int]]:
        """Every string constant and its line, in the order of the script, without docstrings."""
        nodes = list(ast.walk(self.tree))
        documentation = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        constants = (
            node for node in nodes if isinstance(node, ast.Constant) and id(node) not in documentation
        )
        for node in sorted(constants, key=lambda constant: (constant.lineno, constant.col_offset)):
            if isinstance(node.value, str):
                yield node.value, node.lineno

    def value(self, node: ast.expr | None, depth: int = 0) -> Value:
        """The value of an expression: a constant, a name assigned once, a path of them, or a variable."""
        if node is None or depth > 10:
            return Value()
        try:
            return Value(ast.literal_eval(node))
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            pass
        match node:
            case ast.Name(id=name) if name in self.assigned:
                return self.value(self.assigned[name], depth + 1)
            case ast.Subscript(value=where, slice=key) if dotted(where) in ("os.environ", "environ"):
                return self._variable(key, None, depth)
            case ast.Call(func=function, args=[first, *rest]):
                return self._called(dotted(function), first, rest, depth)
            case ast.BinOp(op=ast.Div(), left=left, right=right):
                return self._joined([left, right], depth)
            case ast.BoolOp(op=ast.Or(), values=[first, *_]):
                return self.value(first, depth + 1)
        return Value()

    def _called(self, function: str, first: ast.expr, rest: list[ast.expr], depth: int) -> Value:
        if function in ENVIRONMENT:
            return self._variable(first, rest[0] if rest else ast.Constant(None), depth)
        if function in JOINS and rest:
            return self._joined([first, *rest], depth)
        if function in WRAPPERS:
            return self.value(first, depth + 1)
        if function in CONVERSIONS and not rest:
            return _converted(self.value(first, depth + 1), CONVERSIONS[function])
        return Value()

    def _variable(self, key: ast.expr, default: ast.expr | None, depth: int) -> Value:
        name = self.value(key, depth + 1).value
        inner = self.value(default, depth + 1)
        return Value(inner.value, name if isinstance(name, str) else inner.variable)

    def _joined(self, parts: list[ast.expr], depth: int) -> Value:
        values = [self.value(part, depth + 1) for part in parts]
        variable = next((value.variable for value in values if value.variable), "")
        texts = [value.value for value in values]
        if all(isinstance(text, str) for text in texts):
            return Value(os.path.join(*texts), variable)  # noqa: PTH118 -- the script's own expression
        return Value(UNKNOWN, variable)


def parse(content: bytes, name: str) -> Source:
    """Parse a script. SyntaxError, with `lineno`: it is not Python. Its encoding is the declared one."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise SyntaxError(f"its text is not readable: {error}") from None
    try:
        return Source(name, ast.parse(text.removeprefix("\ufeff"), filename=name))
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error) or "it is too deeply nested") from None


def dotted(node: ast.expr) -> str:
    """`os.path.join` of the expression; "" if it is not a dotted name."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=inner, attr=name):
            outer = dotted(inner)
            return f"{outer}.{name}" if outer else ""
    return ""


def _converted(value: Value, convert: Callable[[Any], Any]) -> Value:
    try:
        return Value(convert(value.value), value.variable)
    except (ValueError, TypeError):
        return Value(UNKNOWN, value.variable)
