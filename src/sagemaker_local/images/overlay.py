"""A job's own environment over a shared one. Packages that a job installs with pip stay in the job."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sagemaker_local.images import interpreters

PIP = '#!/bin/sh\nexec "$(dirname "$0")/python" -m pip "$@"\n'


def lay_over(python: Path, folder: Path, last: Iterable[Path] = ()) -> Path:
    """Create a virtual environment at `folder` that sees the packages of `python`. Returns its executable.

    `last` are folders for the end of its sys.path.

    It is written without `venv`, which takes a second: a virtual environment is a link to the interpreter
    next to a pyvenv.cfg (PEP 405). `addsitedir` also reads the .pth files of a folder.
    """
    interpreter = interpreters.inspect(python)
    packages = folder / f"lib/python{interpreter.version}/site-packages"
    packages.mkdir(parents=True)
    programs = folder / "bin"
    programs.mkdir()
    for name in ("python", "python3", f"python{interpreter.version}"):
        (programs / name).symlink_to(interpreter.base)
    (folder / "pyvenv.cfg").write_text(
        f"home = {interpreter.base.parent}\n"
        f"include-system-site-packages = false\nversion = {interpreter.version}\n"
    )
    lines = [f"import site; site.addsitedir({site!r})" for site in interpreter.sites]
    (packages / "_environment.pth").write_text("\n".join([*lines, *map(str, last), ""]))
    for name in ("pip", "pip3"):
        (programs / name).write_text(PIP)
        (programs / name).chmod(0o755)
    return programs / "python"
