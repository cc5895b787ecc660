"""The modules that a script imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from stagewright.syntax.scripts.source import Source

ERRORS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
"""What an `except` names to continue without a module."""


@dataclass(frozen=True)
class Import:
    """One import. `module`: the dotted name. `level`: the leading dots. `is_optional`: the script continues
    without it, since a `try` catches the error."""

    module: str
    line: int
    level: int = 0
    names: tuple[str, ...] = ()
    is_optional: bool = False

    @property
    def top(self) -> str:
        return self.module.partition(".")[0]

    @property
    def is_standard(self) -> bool:
        """Whether it is a module of Python's standard library."""
        return not self.level and self.top in sys.stdlib_module_names


def read_imports(source: Source) -> list[Import]:
    """The imports of a script, those under `if TYPE_CHECKING` left out."""
    return list(_imports(source.tree, False))


def _imports(node: ast.AST, is_optional: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import(names=names, lineno=line):
                yield from (Import(alias.name, line, is_optional=is_optional) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level, lineno=line):
                imported = tuple(alias.name for alias in names)
                yield Import(module or "", line, level or 0, imported, is_optional)
            case ast.If(test=test, orelse=other) if _is_type_checking(test):
                yield from _imports(ast.Module(other, []), is_optional)
            case ast.Try(body=body, handlers=handlers) if any(map(_catches, handlers)):
                yield from _imports(ast.Module(body, []), True)
                rest = [
                    *(part for handler in handlers for part in handler.body),
                    *child.orelse,
                    *child.finalbody,
                ]
                yield from _imports(ast.Module(rest, []), True)
            case _:
                yield from _imports(child, is_optional)


def _is_type_checking(test: ast.expr) -> bool:
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _catches(handler: ast.ExceptHandler) -> bool:
    """Whether an `except` catches a failed import."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(one is None or (isinstance(one, ast.Name) and one.id in ERRORS) for one in caught)
