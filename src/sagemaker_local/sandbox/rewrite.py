"""Replaces /opt/ml by a folder's path, for systems without namespaces.

It changes everything that SageMaker's contract names: arguments, environment, configuration and scripts.
Paths that a program builds at run time, or that are in data files, do not change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

TARGET = re.compile(r"/opt/ml(?=/|\b)")
SUFFIXES = {".py", ".sh", ".cfg", ".ini", ".toml", ".yaml", ".yml"}
CONFIGURATION = ("input/config", "config")
SIZE_LIMIT = 1 << 20


def text(value: str, folder: Path) -> str:
    return TARGET.sub(lambda _: str(folder), value)


def environment(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment with replaced paths. AWS's toolkits use SAGEMAKER_BASE_DIR; local mode skips
    resolving algo-1."""
    changed = {key: text(value, folder) for key, value in env.items()}
    return {**changed, "SAGEMAKER_BASE_DIR": str(folder), "SM_STUDIO_LOCAL_MODE": "true"}


def files(folder: Path) -> None:
    """Replace paths in the folder's scripts and SageMaker configuration, up to 1 MiB per file."""
    configured = [file for name in CONFIGURATION for file in (folder / name).glob("*.json")]
    scripts = [file for file in folder.rglob("*") if file.suffix in SUFFIXES]
    for file in (*configured, *scripts):
        if file.is_file() and not file.is_symlink() and file.stat().st_size <= SIZE_LIMIT:
            before = file.read_bytes()
            after = TARGET.sub(lambda _: str(folder), before.decode("utf-8", "surrogateescape"))
            if after.encode("utf-8", "surrogateescape") != before:
                file.write_bytes(after.encode("utf-8", "surrogateescape"))
