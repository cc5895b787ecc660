"""Few modules outside a kind's folder name the kind.

A module names a kind if it imports a module of the kind's folder, uses the kind's schema class, or has the
kind's name as a literal that stands for the kind: compared with something called `kind`, matched against it,
as the value of a key `kind`, or in a collection of several kinds' names. The same word as a field, an image
scope, a type of job or an AWS service does not count. For Glue, modules whose names begin with `glue` count.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import stagewright
from stagewright.stages.registry import KINDS

SOURCE = Path(stagewright.__file__).parent
OUTSIDE = ("local/", "migration/", "artifacts/")
LIMITS = {
    "processing": 2,
    "training": 2,
    "tuning": 2,
    "transform": 2,
    "glue": 6,
    "register": 2,
    "approval": 1,
    "callback": 1,
    "gate": 3,
    "lambda": 1,
    "model": 1,
    "endpoint": 1,
}
"""Modules at most, the registry included. A kind that builds on another one is not counted for that one."""
BUILT_ON = {"training": ("tuning",), "model": ("transform", "endpoint")}


def names_a_kind(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name == "kind"
        case ast.Constant(value=value):
            return value == "kind"
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=value), *_]):
            return value == "kind"
        case ast.Subscript(slice=ast.Constant(value=value)):
            return value == "kind"
        case _:
            return False


def texts(nodes) -> list[str]:
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def elements(node: ast.AST) -> list[ast.AST]:
    return list(node.elts) if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]


def literals(tree: ast.AST) -> Iterator[str]:
    """The texts that stand for kinds."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=others) if any(map(names_a_kind, (left, *others))):
                yield from texts(element for side in (left, *others) for element in elements(side))
            case ast.Match(subject=subject, cases=cases) if names_a_kind(subject):
                yield from texts(inner for case in cases for inner in ast.walk(case.pattern))
            case ast.Dict(keys=keys, values=values):
                pairs = zip(keys, values, strict=True)
                yield from texts(value for key, value in pairs if key and names_a_kind(key))
                yield from several(texts(key for key in keys if key))
            case ast.Tuple() | ast.List() | ast.Set():
                yield from several(texts(node.elts))


def several(found: list[str]) -> list[str]:
    """The kinds among the elements of one collection, if there are at least three and nothing else."""
    return found if len(found) > 2 and set(found) <= KINDS.keys() else []


def classes(tree: ast.AST) -> Iterator[str]:
    """What comes from a kind's folder: imported modules and names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def modules_that_name(kind: str) -> list[str]:
    package = KINDS[kind].package
    own = tuple(f"stages/{name}/" for name in (package, *(BUILT_ON.get(kind, ()))))
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if name.startswith((*own, *OUTSIDE)):
            continue
        tree = parsed(path)
        imported = any(f"{text}.".startswith(f"stagewright.stages.{package}.") for text in classes(tree))
        if imported or kind in literals(tree):
            found.append(name)
    if kind == "glue":
        found += [
            path.relative_to(SOURCE).as_posix()
            for path in SOURCE.rglob("glue*.py")
            if not path.relative_to(SOURCE).as_posix().startswith((*own, *OUTSIDE))
        ]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_few_modules_name_a_kind(kind):
    modules = modules_that_name(kind)
    print(f"{kind}: {len(modules)} ({', '.join(modules)})")
    assert "stages/registry.py" in modules
    assert len(modules) <= LIMITS[kind], modules


def test_kind_name_is_found_in_every_form():
    source = """
if stage.kind == "glue": pass
match stage.kind:
    case "gate": pass
DOCUMENT = {"kind": "approval"}
JOBS = ("processing", "training", "tuning")
FIELD = ("model", "image")
"""
    assert set(literals(ast.parse(source))) == {
        "glue",
        "gate",
        "approval",
        "processing",
        "training",
        "tuning",
    }
