"""functions.zip: the modules that the Lambda handlers can import, with the data files in their folders.

It also has the digest of the state machine that they were built with.

The same source gives the same bytes everywhere. Entries are sorted, dated 1980 (the first year of the format)
and stored without compression, because the output of deflate depends on the installed zlib.
"""

from __future__ import annotations

import ast
import io
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from stagewright.installation.functions import FUNCTIONS
from stagewright.installation.state_machine import definition_digest

PACKAGE = Path(__file__).resolve().parent.parent
HANDLERS = tuple(function.handler.rpartition(".")[0] for function in FUNCTIONS)
SHARED = "sagemaker_rules"
"""The package that the planner shares with the local SageMaker."""
KINDS = "stagewright.stages"
KIND_ASPECTS = ("rules", "request")
"""The registry imports these modules of a stage kind by name. Lambda never imports a kind's `states`."""
BUILT_WITH = "stagewright/functions/definition.sha256"
"""`functions.environment` compares it with the function's settings."""
_FIRST_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_MODE = 0o100644 << 16


def archive(package: Path = PACKAGE) -> bytes:
    """Return the zip. Lambda accepts at most 50 MB in a direct upload and 250 MB unpacked."""
    buffer = io.BytesIO()
    contents = {name: path.read_bytes() for name, path in _entries(package).items()}
    contents[BUILT_WITH] = definition_digest().encode()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for name, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, _FIRST_DATE)
            entry.create_system = _UNIX
            entry.external_attr = _MODE
            target.writestr(entry, content)
    return buffer.getvalue()


def modules(package: Path = PACKAGE) -> dict[str, Path]:
    """Return the file of each module that a handler can import, at start or from inside a function."""
    files: dict[str, Path] = {}
    pending = list(HANDLERS)
    while pending:
        name = pending.pop()
        path = _source(package, name)
        if path is None or name in files:
            continue
        files[name] = path
        parent = name.rpartition(".")[0]
        aspects = [f"{name}.{aspect}" for aspect in KIND_ASPECTS] if parent == KINDS else []
        pending += [parent, *aspects, *_imports(path.read_bytes())]
    return files


def _entries(package: Path) -> dict[str, Path]:
    """Return the file per name in the zip."""
    paths = set(modules(package).values())
    data = {file for folder in {path.parent for path in paths} for file in folder.glob("*.json")}
    return {path.relative_to(package.parent).as_posix(): path for path in paths | data}


def _source(package: Path, module: str) -> Path | None:
    """Return the file of a module of the package or of `SHARED`. None if `module` is something else."""
    if not module.startswith((package.name, SHARED)):
        return None
    path = package.parent.joinpath(*module.split("."))
    files = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in files if file.is_file()), None)


@cache
def _imports(source: bytes) -> tuple[str, ...]:
    """Return every name that the code can import, without those that only type checkers import."""
    return tuple(_imported_names(ast.parse(source)))


def _imported_names(tree: ast.AST) -> Iterator[str]:
    pending = [tree]
    while pending:
        node = pending.pop()
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                pending += node.orelse
                continue
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module)):
                yield from (module, *(f"{module}.{alias.name}" for alias in node.names))
            case ast.Call(func=ast.Name(id="import_module"), args=[ast.Constant(value=str(module)), *_]):
                yield module
        pending += ast.iter_child_nodes(node)
