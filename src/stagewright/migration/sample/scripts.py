"""The code files of an item: its folder, with the tarball of script mode unpacked into it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stagewright.errors import ReleaseError
from stagewright.migration.sample.item import Item
from stagewright.migration.tarballs import unpacked as unpack
from stagewright.runs.releases.code_folder import scan

TARBALLS = (
    ("training", "hyperparameters", "sagemaker_submit_directory"),
    ("tuning", "statichyperparameters", "sagemaker_submit_directory"),
    ("model_para", "environment", "SAGEMAKER_SUBMIT_DIRECTORY"),
)
"""Attributes that name the tarball of script mode."""


@dataclass(frozen=True)
class Scripts:
    """`files`: path -> content of the code folder. `unpacked`: the paths from the tarball of script mode."""

    files: Mapping[str, bytes]
    unpacked: frozenset[str] = frozenset()

    @property
    def processing_files(self) -> list[str]:
        """The files that processing jobs use in addition to their script."""
        return sorted(set(self.files) - self.unpacked)


def read_scripts(item: Item, folder: Path | None) -> Scripts:
    """Read the code folder of an item and unpack its tarballs.

    ReleaseError: a tarball is invalid, or has another version of a file in the folder.
    """
    files = scan(folder) if folder else {}
    tarballs = {name for name in (item.text(*path).rpartition("/")[2] for path in TARBALLS) if name in files}
    unpacked: dict[str, bytes] = {}
    for name in sorted(tarballs):
        unpacked |= unpack(name, files.pop(name))
    for path, content in unpacked.items():
        if files.get(path, content) != content:
            raise ReleaseError(f"{path} differs between the folder and its tarball", "keep one of them")
    return Scripts(files | unpacked, frozenset(unpacked))


def declared_options(source: bytes) -> frozenset[str]:
    """Options that a Python script declares with `add_argument`, such as `--n-estimators`."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return frozenset()
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    named = (
        call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument"
    )
    texts = (argument.value for call in named for argument in call.args if isinstance(argument, ast.Constant))
    return frozenset(text for text in texts if isinstance(text, str) and text.startswith("-"))
