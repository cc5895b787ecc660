"""The code files that an item names: the folder as it is, script mode's tarball unpacked into it."""

from __future__ import annotations

import ast
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stagewright.errors import ReleaseError
from stagewright.migration.item import Item
from stagewright.runs.releases.code_folder import MAX_BYTES, MAX_FILES, scan

TARBALLS = (
    ("training", "hyperparameters", "sagemaker_submit_directory"),
    ("tuning", "statichyperparameters", "sagemaker_submit_directory"),
    ("model_para", "environment", "SAGEMAKER_SUBMIT_DIRECTORY"),
)
"""Where an item names the tarball of script mode."""


@dataclass(frozen=True)
class Scripts:
    """`files`: path -> content of the whole code folder; `unpacked`: those of them that script mode runs."""

    files: Mapping[str, bytes]
    unpacked: frozenset[str] = frozenset()

    @property
    def beside(self) -> list[str]:
        """What processing jobs find beside their script."""
        return sorted(set(self.files) - self.unpacked)


def gather(item: Item, folder: Path | None) -> Scripts:
    """ReleaseError: a tarball that cannot be unpacked, or holds a file that the folder has otherwise."""
    files = scan(folder) if folder else {}
    tarballs = {
        name for name in (item.text(*place).rpartition("/")[2] for place in TARBALLS) if name in files
    }
    unpacked: dict[str, bytes] = {}
    for name in sorted(tarballs):
        unpacked |= _unpacked(name, files.pop(name))
    for path, content in unpacked.items():
        if files.get(path, content) != content:
            raise ReleaseError(
                f"{path} is in the folder and, with other content, in its tarball", "keep one of them"
            )
    return Scripts(files | unpacked, frozenset(unpacked))


def options(source: bytes) -> frozenset[str]:
    """The options that a Python script declares by `add_argument`, such as `--n-estimators`."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return frozenset()
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    named = (
        call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "add_argument"
    )
    texts = (each.value for call in named for each in call.args if isinstance(each, ast.Constant))
    return frozenset(text for text in texts if isinstance(text, str) and text.startswith("-"))


def _unpacked(name: str, packed: bytes) -> dict[str, bytes]:
    """Path -> content. Nothing is written anywhere, so that no path can lead out of a folder."""
    files: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:*") as archive:
            for member in archive:
                path = Path(member.name)
                if not member.isfile() or path.name.startswith("."):
                    continue
                total += member.size
                if ".." in path.parts or path.is_absolute() or total > MAX_BYTES or len(files) == MAX_FILES:
                    raise ReleaseError(
                        f"{name}: {member.name} leads out of the folder, or is too much", "unpack it"
                    )
                content = archive.extractfile(member)
                files[path.as_posix()] = content.read() if content else b""
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ReleaseError(
            f"{name} is no tarball: {error}", "pack it again: tar czf source.tar.gz FILES"
        ) from None
    return files
