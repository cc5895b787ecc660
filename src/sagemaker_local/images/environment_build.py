"""Builds Python environments: whole or not at all, once however many ask at the same time."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sagemaker_local.images import interpreters
from stagewright.errors import JobEnvironmentError

LAST_LINES = 12
ALLOW_LARGE = "STAGEWRIGHT_LARGE_ENVIRONMENTS"
CUDA = re.compile(r"^ \+ nvidia-cudnn", re.MULTILINE)
"""In what uv would install: every CUDA build of torch brings it, no CPU build does."""


class RequirementsError(JobEnvironmentError):
    """A job's own requirements.txt could not be installed. `code` and `output` are the installer's."""

    def __init__(self, code: int, output: str) -> None:
        super().__init__(f"requirements.txt could not be installed: {output}", "correct requirements.txt")
        self.code = code
        self.output = output


def is_built(folder: Path) -> bool:
    """Whether it is there and its interpreter still is: a Python may have been removed since."""
    return (folder / "bin/python").exists()


@contextmanager
def sharing(folder: Path) -> Iterator[bool]:
    """Whether it is there. Where it is not, the caller builds it meanwhile, and others wait."""
    if is_built(folder):
        yield True
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield is_built(folder)


def build(folder: Path, python: Path, packages: Iterable[str]) -> None:
    """JobEnvironmentError carries the installer's last lines."""
    wanted = tuple(packages)

    def fill(new: Path) -> subprocess.CompletedProcess[str]:
        _refuse_cuda(new, wanted)
        return _install(new, *wanted)

    done = _whole(folder, python, fill)
    if done.returncode:
        said = _last(done)
        remedy = (
            "free some space"
            if "No space left" in said
            else "see whether this machine reaches its package index, or name a Python in local.toml"
        )
        raise JobEnvironmentError(f"the environment could not be built: {said}; {remedy}", remedy)


def _refuse_cuda(new: Path, packages: tuple[str, ...]) -> None:
    """JobEnvironmentError where torch would come with gigabytes that no job here can use."""
    if os.environ.get(ALLOW_LARGE) == "1" or not any(package.startswith("torch==") for package in packages):
        return
    tried = interpreters.run_uv("pip", "install", "--dry-run", "--python", str(new / "bin/python"), *packages)
    if CUDA.search(tried.stderr):
        remedy = (
            "name a Python that has torch in local.toml, table [pythons], give uv an index with torch's CPU "
            f"builds (UV_INDEX), or set {ALLOW_LARGE}=1 to install them all the same"
        )
        message = "the package index has torch with CUDA only, several gigabytes"
        raise JobEnvironmentError(f"{message}: {remedy}", remedy)


def build_with_requirements(folder: Path, base: Path, file: Path) -> None:
    """The packages of `base`, then the file. Packages that are there and fit stay, as with pip in the image.

    The copy is made of hard links, which uv replaces and never writes through.
    """
    sites = interpreters.inspect(base).sites

    def fill(new: Path) -> subprocess.CompletedProcess[str]:
        (target,) = new.glob("lib/python*/site-packages")
        for site in sites:
            if Path(site).is_dir():
                shutil.copytree(site, target, copy_function=_link, symlinks=True, dirs_exist_ok=True)
        return _install(new, "-r", str(file), folder=file.parent)

    done = _whole(folder, interpreters.inspect(base).base, fill)
    if done.returncode:
        raise RequirementsError(done.returncode, _last(done))


def _whole(
    folder: Path, python: Path, fill: Callable[[Path], subprocess.CompletedProcess[str]]
) -> subprocess.CompletedProcess[str]:
    new = folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    done = interpreters.run_uv("venv", "--no-project", "--relocatable", "--python", str(python), str(new))
    if done.returncode == 0:
        try:
            done = fill(new)
        except JobEnvironmentError:
            shutil.rmtree(new, ignore_errors=True)
            raise
    if done.returncode == 0:
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    else:
        shutil.rmtree(new, ignore_errors=True)
    return done


def _install(new: Path, *what: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    python = str(new / "bin/python")
    return interpreters.run_uv(
        "pip", "install", "--python", python, "--compile-bytecode", *what, folder=folder
    )


def _link(source: str, target: str) -> None:
    try:
        if Path(target).exists():
            return
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _last(done: subprocess.CompletedProcess[str]) -> str:
    return "\n".join((done.stderr or done.stdout).strip().splitlines()[-LAST_LINES:])
