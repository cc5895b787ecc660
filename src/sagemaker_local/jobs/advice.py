"""What to do after a script failed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from sagemaker_local.images.image_list import lacks
from sagemaker_local.jobs.job_files import CONTAINER

MISSING = re.compile(r"^(?:ModuleNotFoundError|ImportError): No module named '([\w.]+)'", re.MULTILINE)
NO_FILE = re.compile(r"^FileNotFoundError\b|No such file or directory: '[^']*/", re.MULTILINE)
INSTALLED = "add its package to requirements.txt in the root of the source, or its file to the source"
NOT_INSTALLED = (
    "a processing job installs no requirements.txt, so install its package with pip in the job, or add its"
    " file to an input"
)
KILLED = 128 + 9
"""Exit code of a process that was killed."""
MOST_FILES = 5
"""How many files of a folder are named."""


def advice(output: str, framework: str, code: int, opt_ml: Path, *, installs: bool) -> str:
    """How to avoid a failure; empty if the cause is not known.

    `output` are the last lines of the script, `framework` is that of its image, `code` is its exit code,
    `opt_ml` is the job's /opt/ml, `installs`: the job installs its requirements.txt.
    """
    if missing := MISSING.search(output):
        return _missing(missing[1].partition(".")[0], framework, installs=installs)
    if NO_FILE.search(output):
        return f"the job has {_inputs(opt_ml) or 'no inputs'}"
    if code == KILLED:
        return "the system killed the script, most likely because the memory of this machine ran out"
    return ""


def _missing(name: str, framework: str, *, installs: bool) -> str:
    reason = lacks(framework).get(name)
    if reason:
        return f"AWS's image has {name}, and this environment does not: {reason}"
    return f"the image has no {name}: {INSTALLED if installs else NOT_INSTALLED}"


def _inputs(opt_ml: Path) -> str:
    """The folders of the job's inputs, with some of the files in each."""
    folders = (folder for folder in _folders(opt_ml) if folder.is_dir())
    return ", ".join(f"{CONTAINER}/{folder.relative_to(opt_ml)} ({_files(folder)})" for folder in folders)


def _folders(opt_ml: Path) -> Iterator[Path]:
    """The input folders of a training job, and those of a processing job, wherever below /opt/ml they are."""
    yield from sorted((opt_ml / "input" / "data").glob("*"))
    yield from sorted((opt_ml / "processing" / "input").glob("*"))
    yield from (
        folder
        for folder in sorted((opt_ml / "processing").glob("*"))
        if folder.name not in ("input", "output")
    )


def _files(folder: Path) -> str:
    found = (
        os.path.relpath(os.path.join(parent, name), folder)  # noqa: PTH118 -- of os.walk
        for parent, _, names in os.walk(folder)
        for name in sorted(names)
    )
    names = [name for name, _ in zip(found, range(MOST_FILES + 1), strict=False)]
    more = ", ..." if len(names) > MOST_FILES else ""
    return ", ".join(names[:MOST_FILES]) + more if names else "empty"
