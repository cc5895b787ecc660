"""The files that a script names, and whether it reads or writes them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Literal

from stagewright.syntax.scripts.source import UNKNOWN, Source, dotted

Use = Literal["read", "write", "path", "other"]
READS = re.compile(r"read\w*|load\w*|open|imread|genfromtxt|scan_\w+|from_(csv|file|pretrained)")
WRITES = re.compile(
    r"dump\w*|sink_\w+|save\w*|to_(csv|parquet|pickle|json|excel|feather|hdf|html|sql)|write\w*|mkdir|makedirs|savefig|imwrite"
)
PATHS = re.compile(r"join|Path|listdir|scandir|walk|i?glob|rglob|iterdir")
"""Calls that show that a string is a path."""
LOGS = re.compile(r"print|debug|info|warning|error|log|exists|is_file")
"""Calls that neither read nor write the file."""
DATA = re.compile(
    r"\.(csv|tsv|parquet|feather|xlsx?|jsonl?|ndjson|npy|npz|libsvm|svm|arff|h5|hdf5|txt)(\.gz)?$", re.I
)
LONGEST = 400


@dataclass
class FileName:
    """A string of the script that may name a file: where it stands first, and what it is used for."""

    text: str
    line: int
    uses: set[Use] = field(default_factory=set)

    @property
    def is_input(self) -> bool:
        """Whether the script may read the file. A file that it only writes is none."""
        return "read" in self.uses or "write" not in self.uses

    @property
    def is_path(self) -> bool:
        """Whether it surely is a path: `data` may be the name of a column as well."""
        return bool(set(self.text) & {"/", "."}) or bool(self.uses & {"read", "path"})

    @property
    def is_data(self) -> bool:
        """Whether the script surely reads data from it, by the call and the extension."""
        return "read" in self.uses and "write" not in self.uses and bool(DATA.search(self.text))


class FileNames:
    """Collects the names. A variable or an argument that holds a name counts where it is used."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.names: dict[str, FileName] = {}
        for node in ast.walk(source.tree):
            for text in self._texts(node):
                self._add(text, node)

    @cached_property
    def _parents(self) -> dict[int, ast.AST]:
        return {
            id(child): node for node in ast.walk(self._source.tree) for child in ast.iter_child_nodes(node)
        }

    @cached_property
    def _defaults(self) -> dict[str, ast.expr]:
        """Argument -> its default, for `options.model` and the like."""
        defaults: dict[str, ast.expr] = {}
        for call in self._source.calls():
            name = next((arg.value for arg in call.args if isinstance(arg, ast.Constant)), None)
            default = next((item.value for item in call.keywords if item.arg == "default"), None)
            if getattr(call.func, "attr", "") == "add_argument" and isinstance(name, str) and default:
                defaults[name.lstrip("-").replace("-", "_")] = default
        return defaults

    def _texts(self, node: ast.AST) -> Iterator[str]:
        match node:
            case ast.Constant(value=str() as text) if self._begins_a_path(node):
                yield text
            case ast.Name(id=name, ctx=ast.Load()) if name in self._source.assigned:
                yield from self._all_texts(self._source.assigned[name])
            case ast.Attribute(attr=name, ctx=ast.Load()) if name in self._defaults:
                yield from self._all_texts(self._defaults[name])
            case ast.Call() | ast.BinOp():
                value = self._source.value(node).value
                if value is not UNKNOWN and isinstance(value, str):
                    yield value

    def _begins_a_path(self, node: ast.Constant) -> bool:
        """Whether a string may be the beginning of a path: no docstring, and not appended to something."""
        parent = self._parents.get(id(node))
        if isinstance(parent, ast.JoinedStr):
            return parent.values[0] is node
        is_appended = (
            isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add) and parent.right is node
        )
        return not is_appended and not isinstance(parent, ast.Expr)

    def _all_texts(self, node: ast.expr) -> Iterator[str]:
        whole = self._source.value(node).value
        if isinstance(whole, str):
            yield whole
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value != whole:
                yield part.value

    def _add(self, text: str, node: ast.AST) -> None:
        if text and len(text) <= LONGEST and "\n" not in text and "\0" not in text and "://" not in text:
            line = getattr(node, "lineno", 0)
            name = self.names.setdefault(text, FileName(text, line))
            name.line = min(name.line, line)
            name.uses.add(self._use(node))

    def _use(self, node: ast.AST) -> Use:
        """What the innermost call around a node does with it."""
        otherwise: Use = "other"
        while (parent := self._parents.get(id(node))) is not None and not isinstance(parent, ast.stmt):
            if isinstance(parent, ast.Call):
                name = dotted(parent.func).rpartition(".")[2] or getattr(parent.func, "attr", "")
                if use := _use_of(name, parent):
                    return use
                otherwise = "path" if PATHS.fullmatch(name) else otherwise
            elif isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Div):
                otherwise = "path"
            node = parent
        return otherwise


def file_names(source: Source) -> list[FileName]:
    """The names, in the order of the lines. Paths are normalized: `./data/a.csv` is `data/a.csv`."""
    merged: dict[str, FileName] = {}
    for name in FileNames(source).names.values():
        path = str(PurePosixPath(name.text))
        one = merged.setdefault(path, FileName(path, name.line))
        one.uses |= name.uses
        one.line = min(one.line, name.line)
    return sorted(merged.values(), key=lambda one: one.line)


def _use_of(name: str, call: ast.Call) -> Use | None:
    if name == "open":
        mode = next((item.value for item in call.keywords if item.arg == "mode"), None)
        position = 0 if isinstance(call.func, ast.Attribute) else 1
        mode = mode or (call.args[position] if len(call.args) > position else None)
        text = mode.value if isinstance(mode, ast.Constant) and isinstance(mode.value, str) else "r"
        return "write" if set(text) & set("wax+") else "read"
    if WRITES.fullmatch(name):
        return "write"
    return "read" if READS.fullmatch(name) else "other" if LOGS.fullmatch(name) else None
