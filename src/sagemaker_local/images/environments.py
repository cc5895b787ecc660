"""The Python environments that jobs run in: one per image, built on first use and kept in the user's cache.

The cache folder is `Program.cache_folder`. It holds `environments/<hash of packages and Python version>`. The
file `local.toml` in the state folder can name other Python executables:

    [pythons]
    "sklearn-1.4" = "~/venvs/sklearn/bin/python"
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sagemaker_local.errors import JobEnvironmentError
from sagemaker_local.images import interpreters
from sagemaker_local.images.environment_build import build, build_with_requirements, is_built, sharing
from sagemaker_local.images.image_list import Image, Packages, find, images
from sagemaker_local.images.requirements import normalize
from sagemaker_local.settings import Program

PATHS_IN_REQUIREMENTS = re.compile(
    r"^[^\S\n]*(-[rcef]\b|--(requirement|constraint|editable|find-links)|\.|/|file:)", re.MULTILINE
)

Report = Callable[[str], None]
"""Writes one line to the job's log."""


@dataclass(frozen=True)
class Environment:
    """A Python environment. `warning` describes how it differs from the image; empty if it does not."""

    python: Path
    framework: str = ""
    version: str = ""
    warning: str = ""


@dataclass(frozen=True)
class _Candidate:
    """An environment that an image can run in, built or not."""

    folder: Path
    version: str
    way: Packages


class Environments:
    """Finds and builds environments. `overrides` is the `local.toml`; it is read on every use."""

    def __init__(self, overrides: Path | None = None, program: Program | None = None) -> None:
        self._overrides = overrides
        self._program = program or Program()

    def resolve(self, image: str, report: Report = lambda _line: None) -> Environment:
        """The environment of an image URI or alias. It is built if needed, which takes up to a minute.

        JobEnvironmentError if there is none; it lists the images that have one.
        """
        return self.of(image, find(image), report)

    def of(self, name: str, image: Image | None, report: Report = lambda _line: None) -> Environment:
        """`resolve` for an image that need not be in the list. `name` is its name in `local.toml`."""
        python = self.own_python(name, image)
        if python is not None:
            interpreters.inspect(python)
            framework, version = (image.framework, image.version) if image else ("", "")
            return Environment(python, framework, version, f"{name} runs on {python}, set in local.toml")
        if image is None:
            raise JobEnvironmentError(*_unknown(name))
        return self._built(image, report)

    def unbuilt(self, name: str) -> str:
        """The image's alias if its environment is not built yet; else an empty string."""
        image = find(name)
        if image is None or self.own_python(name, image) is not None:
            return ""
        return "" if any(is_built(candidate.folder) for candidate in self._candidates(image)) else image.alias

    def problem(self, name: str) -> str:
        """Why jobs with this image would fail; empty if it has an environment or can get one.

        Builds nothing.
        """
        image = find(name)
        if self.own_python(name, image) is not None:
            return ""
        if image is None:
            return _unknown(name)[0]
        return "" if self._can_build(image) else _without_python(image)[0]

    def with_requirements(
        self, base: Environment, file: Path, report: Report = lambda _line: None
    ) -> Environment:
        """A new environment with the packages of `base` and of a requirements file."""
        text = normalize(file)
        parts = [str(base.python), text]
        if PATHS_IN_REQUIREMENTS.search(text):
            parts += _contents(file.parent)
        folder = self._folder(parts)
        with sharing(folder) as there:
            if not there:
                report(f"installing {file.name}")
                build_with_requirements(folder, base.python, file)
        return Environment(folder / "bin/python", base.framework, base.version, base.warning)

    def own_python(self, name: str, image: Image | None) -> Path | None:
        """The Python that `local.toml` names for the image. JobEnvironmentError if the file is not valid."""
        if self._overrides is None or not self._overrides.is_file():
            return None
        try:
            table = tomllib.loads(self._overrides.read_text(encoding="utf-8")).get("pythons", {})
            names = (name, image.alias, image.full_alias) if image else (name,)
            return next((Path(table[key]).expanduser() for key in names if key in table), None)
        except (ValueError, TypeError, RecursionError, OSError) as error:
            problem = f"{self._overrides}: {error}"
            remedy = 'correct the file: [pythons] has lines such as "sklearn-1.4" = "/path/to/python"'
            raise JobEnvironmentError(problem, remedy) from error

    def _built(self, image: Image, report: Report) -> Environment:
        for candidate in self._candidates(image):
            if is_built(candidate.folder) or self._build(image, candidate, report):
                warning = _difference(image, candidate)
                return Environment(candidate.folder / "bin/python", image.framework, image.version, warning)
        raise JobEnvironmentError(*_without_python(image))

    def _build(self, image: Image, candidate: _Candidate, report: Report) -> bool:
        """False if this machine has no such Python."""
        python = interpreters.find(candidate.version)
        if python is None:
            return False
        with sharing(candidate.folder) as there:
            if not there:
                what = f"{image.alias} on Python {candidate.version}"
                report(f"building the environment of {what}: {candidate.folder}")
                build(candidate.folder, python, candidate.way.packages, self._program)
        return True

    def _can_build(self, image: Image) -> bool:
        candidates = self._candidates(image)
        return any(is_built(candidate.folder) for candidate in candidates) or any(
            interpreters.find(candidate.version) for candidate in candidates
        )

    def _candidates(self, image: Image) -> list[_Candidate]:
        """In order of preference."""
        return [
            _Candidate(self._folder([version, *way.packages]), version, way)
            for way in image.ways
            for version in way.python
        ]

    def _folder(self, parts: list[str]) -> Path:
        digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]
        return self._program.cache_folder / "environments" / digest


def _unknown(name: str) -> tuple[str, str]:
    """Message and remedy for an image that is not in the list."""
    choices = ", ".join(f"{known.alias} ({known.framework} {known.version})" for known in images())
    remedy = f"use one of {choices}, or name a Python for it in local.toml, table [pythons]"
    return f"there is no Python environment for the image {name}: {remedy}", remedy


def _without_python(image: Image) -> tuple[str, str]:
    """Message and remedy for an image whose Python versions this machine does not have."""
    versions = sorted({version for way in image.ways for version in way.python})
    remedy = f"install Python {image.python}, or name a Python for it in local.toml, table [pythons]"
    message = f"{image.alias} needs Python {' or '.join(versions)}, which is not installed: {remedy}"
    return message, remedy


def _difference(image: Image, candidate: _Candidate) -> str:
    """How the environment differs from the image; empty if it does not."""
    if candidate.way is not image.ways[0]:
        return (
            f"{image.alias} cannot be built on this machine: {candidate.way.packages[0]} on Python "
            f"{candidate.version} instead; install Python {image.python} for the image's own"
        )
    if candidate.version != image.python:
        return f"{image.alias} runs on Python {candidate.version} here; the image has {image.python}"
    return ""


def _contents(folder: Path) -> Iterator[str]:
    """Path and hash of every file, for the environment's hash."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield str(file.relative_to(folder))
            yield hashlib.sha256(file.read_bytes()).hexdigest()
