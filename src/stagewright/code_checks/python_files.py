"""Python files: parsed once for each content, and the modules that a script imports."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import PurePosixPath

Version = tuple[int, int]
OWN: Version = (sys.version_info.major, sys.version_info.minor)
_NEWER = re.compile(rb"""\b[rRbB]?[fFtT][rR]?['"]|^\s*type\s+\w|\b(def|class)\s+\w+\s*\[|^\s*except\b""")
"""Lines that a newer Python may accept: f-strings and type parameters (3.12), `except` (3.14), `import`."""


@dataclass(frozen=True)
class Unparsed:
    """Why a file is not valid Python, and the line."""

    message: str
    line: int | None


@dataclass(frozen=True)
class Import:
    """A module that is surely imported when its file is. `names`: what `from` takes from it.

    `level`: the dots of a relative import.
    """

    module: str
    names: tuple[str, ...]
    level: int
    line: int


@dataclass(frozen=True)
class PythonFile:
    """A parsed file. `tree` is None if it cannot be parsed here."""

    path: str
    tree: ast.Module | None


@lru_cache(maxsize=256)
def parse(body: bytes, python: Version | None = None) -> ast.Module | Unparsed:
    """Parse a file with the grammar of this Python, or of an older version, as far as this one knows it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as an unknown escape
        try:
            return ast.parse(body, feature_version=python if python and python < OWN else None)
        except (SyntaxError, ValueError) as error:  # ValueError: a null byte
            return Unparsed(getattr(error, "msg", str(error)), getattr(error, "lineno", None))
        except (RecursionError, MemoryError):
            return ast.Module([], [])


@lru_cache(maxsize=4096)
def syntax_error(body: bytes, python: Version | None, *, thorough: bool) -> Unparsed | None:
    """Return the first syntax error for a version of Python, or None.

    None also for what a newer Python than this one may accept, unless `python` is not newer. `thorough`: also
    what only the compiler rejects.
    """
    parsed = parse(body, python)
    if isinstance(parsed, ast.Module):
        return _compiler_error(parsed) if thorough else None
    if (python is None or python > OWN) and _is_newer(parsed, body):
        return None
    own = parse(body)
    return replace(parsed, line=_newer_line(own) or parsed.line) if isinstance(own, ast.Module) else parsed


def _compiler_error(tree: ast.Module) -> Unparsed | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(tree, "script", "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            return Unparsed(getattr(error, "msg", str(error)), getattr(error, "lineno", None))
        except (RecursionError, MemoryError):
            return None
    return None


def _is_newer(error: Unparsed, body: bytes) -> bool:
    lines = body.splitlines()
    line = lines[error.line - 1] if error.line and error.line <= len(lines) else b""
    return error.message.startswith(("f-string", "unterminated f-string")) or bool(_NEWER.search(line))


def _newer_line(tree: ast.Module) -> int | None:
    """Return the line of the first statement of a newer form. Python names the last line of the statement."""
    newer = (node.lineno for node in ast.walk(tree) if isinstance(node, ast.Match | ast.TryStar))
    return min(newer, default=None)


def imported(script: str, files: Mapping[str, bytes], python: Version | None) -> Mapping[str, PythonFile]:
    """Return path -> the script, and each of `files` that is surely imported with it, in that order."""
    modules: dict[str, PythonFile] = {}
    waiting = [script]
    while waiting:
        path = waiting.pop(0)
        if path in modules:
            continue
        parsed = parse(files[path], python)
        tree = None if isinstance(parsed, Unparsed) else parsed
        modules[path] = PythonFile(path, tree)
        for item in imports(tree, is_script=path == script) if tree else ():
            waiting += _local_files(item, path, script, files)
    return modules


def imports(tree: ast.Module, *, is_script: bool) -> Iterator[Import]:
    """Yield the imports that surely run: not those in `try`, in a condition, or in a function.

    `is_script`: what follows `if __name__ == "__main__"` runs too.
    """
    yield from _imports(tree.body, is_script=is_script)


def _imports(body: list[ast.stmt], *, is_script: bool) -> Iterator[Import]:
    for statement in body:
        match statement:
            case ast.Import(names=names):
                yield from (Import(name.name, (), 0, statement.lineno) for name in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                yield Import(module or "", tuple(name.name for name in names), level, statement.lineno)
            case ast.If(test=test, body=inner) if is_script and is_main_guard(test):
                yield from _imports(inner, is_script=is_script)
            case ast.With(body=inner) if not _suppresses(statement):
                yield from _imports(inner, is_script=is_script)


def is_main_guard(test: ast.expr) -> bool:
    """Return whether a condition is `__name__ == "__main__"`."""
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _suppresses(statement: ast.With) -> bool:
    return any("suppress" in ast.dump(item.context_expr) for item in statement.items)


def _local_files(item: Import, path: str, script: str, files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the files that an import runs: those of each package on the way, and the module."""
    for folder in _folders(item, path, script):
        parts = item.module.split(".") if item.module else []
        known = [folder.joinpath(*parts[:length]) for length in range(1, len(parts) + 1)]
        base = folder.joinpath(*parts)
        candidates = [*known, *(base / name for name in item.names)]
        yield from (file for candidate in candidates for file in _module(candidate) if file in files)


def _folders(item: Import, path: str, script: str) -> list[PurePosixPath]:
    """Return the folders in which an import is looked up: that of the script and the code folder."""
    if item.level:
        parents = [PurePosixPath(path).parent, *PurePosixPath(path).parent.parents]
        return parents[item.level - 1 : item.level]
    return list(dict.fromkeys((PurePosixPath(script).parent, PurePosixPath())))


def _module(path: PurePosixPath) -> tuple[str, str]:
    return f"{path}.py", f"{path}/__init__.py"
