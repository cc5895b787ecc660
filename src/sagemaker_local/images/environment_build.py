"""Builds Python environments. A build is atomic; concurrent requests for one environment share it."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sagemaker_local.errors import JobEnvironmentError, RequirementsError
from sagemaker_local.images import interpreters
from sagemaker_local.settings import Program

LAST_LINES = 12
ALLOW_CUDA = "LARGE_ENVIRONMENTS"
"""The program's variable that allows builds with CUDA when it is 1."""
CUDA = re.compile(r"^ \+ nvidia-cudnn", re.MULTILINE)
"""A line of uv's dry run that every CUDA build of torch has, and no CPU build."""


def is_built(folder: Path) -> bool:
    """Whether the environment exists and its interpreter still does: a Python may have been removed since."""
    return (folder / "bin/python").exists()


@contextmanager
def sharing(folder: Path) -> Iterator[bool]:
    """Whether the environment is built. If not, the caller builds it in the block, and other callers wait."""
    if is_built(folder):
        yield True
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_suffix(".lock").open("w")
    except OSError as error:
        raise _not_written(error) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield is_built(folder)


def build(folder: Path, python: Path, packages: Iterable[str], program: Program) -> None:
    """Build an environment with these packages. JobEnvironmentError has the installer's last lines."""
    names = tuple(packages)

    def fill(new: Path) -> subprocess.CompletedProcess[str]:
        _refuse_cuda(new, names, program.variable(ALLOW_CUDA))
        return _install(new, *names)

    done = _build_whole(folder, python, fill)
    if done.returncode:
        output = _last_lines(done)
        remedy = (
            "free some space"
            if "No space left" in output
            else "check that this machine reaches its package index, or name a Python in local.toml"
        )
        raise JobEnvironmentError(f"the environment could not be built: {output}; {remedy}", remedy)


def _refuse_cuda(new: Path, packages: tuple[str, ...], allow: str) -> None:
    """JobEnvironmentError if torch would bring several gigabytes of CUDA, which no job here can use.

    `allow` is the environment variable that allows it.
    """
    if os.environ.get(allow) == "1" or not any(package.startswith("torch==") for package in packages):
        return
    dry_run = interpreters.run_uv(
        "pip", "install", "--dry-run", "--python", str(new / "bin/python"), *packages
    )
    if CUDA.search(dry_run.stderr):
        remedy = (
            "name a Python that has torch in local.toml, table [pythons], give uv an index with torch's CPU "
            f"builds (UV_INDEX), or set {allow}=1 to install CUDA"
        )
        message = "the package index has torch with CUDA only, several gigabytes"
        raise JobEnvironmentError(f"{message}: {remedy}", remedy)


def build_with_requirements(folder: Path, base: Path, file: Path) -> None:
    """Build an environment with the packages of `base`, then those of the requirements file.

    Installed packages that satisfy the file stay, as with pip in the image. The packages of `base` are hard
    links; uv replaces files and never writes through a link. RequirementsError if the installation fails.
    """
    sites = interpreters.inspect(base).sites

    def fill(new: Path) -> subprocess.CompletedProcess[str]:
        (target,) = new.glob("lib/python*/site-packages")
        for site in sites:
            if Path(site).is_dir():
                shutil.copytree(site, target, copy_function=_link, symlinks=True, dirs_exist_ok=True)
        return _install(new, "-r", file.name, folder=file.parent)

    done = _build_whole(folder, interpreters.inspect(base).base, fill)
    if done.returncode:
        raise RequirementsError(done.returncode, _last_lines(done))


def _build_whole(
    folder: Path, python: Path, fill: Callable[[Path], subprocess.CompletedProcess[str]]
) -> subprocess.CompletedProcess[str]:
    """Build in a temporary folder and rename it at the end. Returns the last command's result."""
    new = folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    done = interpreters.run_uv("venv", "--no-project", "--relocatable", "--python", str(python), str(new))
    if done.returncode == 0:
        try:
            done = fill(new)
        except (JobEnvironmentError, OSError) as error:
            shutil.rmtree(new, ignore_errors=True)
            raise _not_written(error) if isinstance(error, OSError) else error from None
    if done.returncode == 0:
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    else:
        shutil.rmtree(new, ignore_errors=True)
    return done


def _not_written(error: OSError) -> JobEnvironmentError:
    """The cache cannot be written. shutil's error has a list of (source, target, message)."""
    reason = error.strerror or (error.args[0][0][2] if error.args else "unknown")
    remedy = "free some space, or let the cache folder be one that you can write"
    return JobEnvironmentError(
        f"the environment could not be written to the cache: {reason}; {remedy}", remedy
    )


def _install(new: Path, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    python = str(new / "bin/python")
    return interpreters.run_uv(
        "pip", "install", "--quiet", "--python", python, "--compile-bytecode", *arguments, folder=folder
    )


def _link(source: str, target: str) -> None:
    """Hard link a file unless the target exists; copy it if it cannot be linked."""
    try:
        if Path(target).exists():
            return
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _last_lines(done: subprocess.CompletedProcess[str]) -> str:
    return "\n".join((done.stderr or done.stdout).strip().splitlines()[-LAST_LINES:])
