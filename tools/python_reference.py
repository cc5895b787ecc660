"""The reference of docs/python-api.md: each public name with its signature and its docstring."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import stagewright
from stagewright.api.calls import runs
from stagewright.errors import StagewrightError
from stagewright.testing import assert_run

PAGE = Path(__file__).parent.parent / "docs/python-api.md"
MARKER = "## Reference\n"
FUNCTIONS = ("run", "plan", "push", "runs", "show", "predict", "close")
CLASSES = ("Run", "Stage", "Runs", "Plan", "Prediction")


def python_reference() -> str:
    """The page: what is written by hand up to the marker, then what is generated."""
    written = PAGE.read_text().partition(MARKER)[0]
    parts = [f"{written}{MARKER}\nGenerated from the docstrings (`make docs`).\n"]
    parts += [_function(f"sw.{name}", _named(name)) for name in FUNCTIONS]
    parts += [_class(name, getattr(stagewright, name)) for name in CLASSES]
    parts += [_function("stagewright.testing.assert_run", assert_run), _errors()]
    return "\n".join(parts)


def _named(name: str) -> Any:
    return runs if name == "runs" else getattr(stagewright, name)


def _function(name: str, function: Any) -> str:
    return f"### {name}\n```python\n{name}{_signature(function)}\n```\n{_text(function)}\n"


def _class(name: str, class_: Any) -> str:
    rows = [f"| `{member}` | {_summary(value)} |" for member, value in _members(class_)]
    return f"### sw.{name}\n{_text(class_)}\n\n| | |\n|---|---|\n" + "\n".join(rows) + "\n"


def _members(class_: Any) -> Iterator[tuple[str, Any]]:
    """The public properties and methods that the class defines and describes."""
    for name, value in vars(class_).items():
        if name.startswith("_") or not inspect.getdoc(value):
            continue
        if isinstance(value, property):
            yield name, value
        elif inspect.isfunction(value):
            yield f"{name}{_signature(value)}", value


def _signature(function: Any) -> str:
    """The signature without `self` and types: `(pipeline, *, target='local')`."""
    signature = inspect.signature(function)
    plain = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for name, parameter in signature.parameters.items()
        if name != "self"
    ]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))


def _text(value: Any) -> str:
    """The docstring as Markdown: the arguments as a list."""
    lines = []
    for line in (inspect.getdoc(value) or "").splitlines():
        head, colon, rest = line.strip().partition(": ")
        if line.strip() in ("Args:", "Attributes:"):
            continue
        if colon and line.startswith("    ") and head.isidentifier():
            lines.append(f"- `{head}`: {rest}")
        else:
            lines.append(line.replace("        ", "  ") if line.startswith("        ") else line)
    return "\n".join(lines).strip()


def _summary(value: Any) -> str:
    """The docstring up to its arguments, on one line."""
    return " ".join((inspect.getdoc(value) or "").partition("Args:")[0].split())


def _errors() -> str:
    rows = [
        f"| `sw.{error.__name__}` | {error.exit_code} | {' '.join((inspect.getdoc(error) or '').split())} |"
        for error in map(_named, stagewright.PUBLIC)
        if inspect.isclass(error) and issubclass(error, StagewrightError)
    ]
    return "### Errors\n| error | exit code of the command line | |\n|---|---|---|\n" + "\n".join(rows) + "\n"
