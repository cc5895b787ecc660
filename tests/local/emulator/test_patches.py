"""Every patched or used part of ministack is unchanged since its patch was written."""

from __future__ import annotations

import ast
import hashlib
import re
import textwrap
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from stagewright.local import emulator
from stagewright.local.emulator.patches import PATCHES, USED, VERSION, Patch, replace

USES = [(module, use) for module, uses in USED.items() for use in uses]


@cache
def module_source(module: str) -> str:
    return Path(find_spec(module).origin).read_text("utf-8-sig")


@cache
def syntax_tree(module: str) -> ast.Module:
    return ast.parse(module_source(module))


def definition(module: str, attribute: str) -> ast.AST | None:
    """The last statement that defines the attribute. The module is not imported."""
    scope, found = syntax_tree(module).body, None
    for name in attribute.split("."):
        found = next((statement for statement in reversed(scope) if name in names_of(statement)), None)
        scope = getattr(found, "body", [])
    return found


def names_of(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return [alias.asname or alias.name for alias in aliases]
    return []


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.name)
def test_patched_source_is_the_one_that_the_patch_replaces(patch: Patch):
    found = definition(patch.module, patch.attribute)
    installed = metadata.version("ministack")
    assert found is not None, f"ministack {installed} has no {patch.name}. The patch: {patch.reason}"
    source = textwrap.dedent(ast.get_source_segment(module_source(patch.module), found))
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    assert (patch.line, patch.digest) == (found.lineno, digest), (
        f"ministack {installed} changed {patch.name} (line {found.lineno}, digest {digest!r}). "
        f"Compare it with {VERSION} and adapt the patch: {patch.reason}"
    )


@pytest.mark.parametrize(("module", "use"), USES, ids=[f"{module}.{use}" for module, use in USES])
def test_used_name_has_the_same_parameters(module: str, use: str):
    name = use.partition("(")[0]
    found = definition(module, name)
    assert found is not None, f"ministack {metadata.version('ministack')} has no {module}.{name}"
    assert signature(name, found) == use, f"ministack changed the parameters of {module}.{name}"


def signature(name: str, statement: ast.AST) -> str:
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return name
    arguments = statement.args
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return f"{name}({', '.join(parameter.arg for parameter in parameters)})"


def test_patches_match_the_required_version():
    project = (Path(__file__).parents[3] / "pyproject.toml").read_text()
    assert f'"ministack=={VERSION}"' in project
    assert metadata.version("ministack") == VERSION


def test_replacement_outside_the_table_is_rejected():
    class Worker:
        invoke = None

    with pytest.raises(KeyError, match="is not in PATCHES"):
        replace(Worker, "invoke", print)
    assert Worker.invoke is None


def test_every_patch_is_applied_once():
    """A patch that no module applies must be removed from the table."""
    assert len({patch.name for patch in PATCHES}) == len(PATCHES)
    sources = [path.read_text() for path in Path(emulator.__file__).parent.glob("*.py")]
    applied = set(re.findall(r'replace\(\s*[\w.]+,\s*"(\w+)"', "\n".join(sources)))
    entries = {"_HANDLERS"}  # entries of this dictionary are replaced
    assert {patch.attribute.rpartition(".")[2] for patch in PATCHES} == applied | entries


def test_only_listed_private_names_are_used():
    listed = {patch.attribute.rpartition(".")[2] for patch in PATCHES}
    listed |= {use.partition("(")[0] for _, use in USES}
    owners = r"(?:ministack|functions|sqs|s3|dynamodb|eventbridge|cloudwatch|runtime|app|lambda|persistence)"
    used = set()
    for path in Path(emulator.__file__).parent.glob("*.py"):
        used |= set(re.findall(rf"\b(?:self\._)?(?:step_)?{owners}\.(_\w+)", path.read_text()))
    assert used - listed == set()
