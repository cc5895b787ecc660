"""Finds and inspects the Python interpreters of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from uv import find_uv_bin

from sagemaker_local import shell_variables
from sagemaker_local.errors import JobEnvironmentError
from sagemaker_local.sandbox.isolation import watch

QUERY = """
import json, os, sys
sites = [p for p in sys.path if os.path.basename(p) in ("site-packages", "dist-packages")]
base = getattr(sys, "_base_executable", None) or sys.executable
print(json.dumps(["%d.%d" % sys.version_info[:2], os.path.realpath(base), sites]))
"""


@dataclass(frozen=True)
class Interpreter:
    """`base` is the executable below any virtual environment. `sites` are the folders of its packages."""

    version: str
    base: Path
    sites: tuple[str, ...]


@cache
def find(version: str) -> Path | None:
    """An interpreter of `version` ("3.10"): what uv finds without a download, else one of pyenv's.

    Cached, because uv takes 0.3 seconds to find none.
    """
    done = run_uv("python", "find", "--no-project", "--system", version)
    if done.returncode == 0:
        return Path(done.stdout.strip())
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    installed = sorted(root.glob(f"versions/{version}.*/bin/python{version}"))
    return installed[-1] if installed else None


@cache
def inspect(python: Path) -> Interpreter:
    """The version and folders of a Python executable. JobEnvironmentError if it does not run."""
    try:
        done = subprocess.run(
            [str(python), "-I", "-c", QUERY], capture_output=True, text=True, check=True, timeout=60
        )
        version, base, sites = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise JobEnvironmentError(f"the Python {python} does not run: {error}", "name another one") from error
    return Interpreter(version, Path(base), tuple(sites))


def run_uv(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run uv with the user's configuration and no other secrets. Python downloads are off by default."""
    environment = shell_variables.for_installers()
    environment.pop("VIRTUAL_ENV", None)
    environment.setdefault("UV_PYTHON_DOWNLOADS", "never")
    command = watch(str(folder or Path.cwd()), [find_uv_bin(), "--no-progress", *arguments])
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        # The open pipe ends the installation when this process ends, even if it is killed.
        with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=out, stderr=err) as uv:
            code = uv.wait()
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess(command, code, out.read(), err.read())
