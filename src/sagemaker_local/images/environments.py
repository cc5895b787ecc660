"""Image -> the Python environment that its jobs run in, built on first use and kept in the user's cache.

`STAGEWRIGHT_CACHE`, else `XDG_CACHE_HOME/stagewright`, else `~/.cache/stagewright`, holds
`environments/<hash of what it is made from>`. A `local.toml` may name a Python of one's own:

    [pythons]
    "sklearn-1.4" = "~/venvs/sklearn/bin/python"
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sagemaker_local.images import interpreters
from sagemaker_local.images.environment_build import build, build_with_requirements, is_built, sharing
from stagewright.catalog.images import alias_of
from stagewright.errors import JobEnvironmentError, NotFoundError

IMAGES = Path(__file__).with_name("images.toml")
BUILD = re.compile(r"-\d+$|(?<=\d\.\d)\.\d+(?=-|$)|(?<=\d\.\d\d)\.\d+(?=-|$)")
"""What the short form of a version leaves out."""
ON_FRAMEWORK = re.compile(r"/huggingface-([a-z]+)-[a-z]+:([\d.]+)-")
"""Hugging Face's images come for several versions of the framework below, which the tag begins with."""
PATHS_IN_REQUIREMENTS = re.compile(
    r"^\s*(-[rcef]\b|--(requirement|constraint|editable|find-links)|\.|/|file:)", re.MULTILINE
)

Report = Callable[[str], None]
"""Gets a line for the job's log."""


@dataclass(frozen=True)
class Environment:
    """`warning` says how it differs from the image, where it does; empty otherwise."""

    python: Path
    framework: str = ""
    version: str = ""
    warning: str = ""


@dataclass(frozen=True)
class Packages:
    """One way to have an image: these packages on one of these Pythons."""

    python: tuple[str, ...]
    packages: tuple[str, ...]


@dataclass(frozen=True)
class Image:
    framework: str
    version: str
    ways: tuple[Packages, ...]
    """The image's own first."""

    @property
    def alias(self) -> str:
        """As people write it: sklearn-1.4 for 1.4-2, huggingface-4.49-pytorch2.5 for 4.49.0-pytorch2.5.1."""
        return f"{self.framework}-{BUILD.sub('', self.version)}"

    @property
    def full_alias(self) -> str:
        return f"{self.framework}-{self.version}"

    @property
    def python(self) -> str:
        return self.ways[0].python[0]


class Environments:
    """`overrides` is the `local.toml`, read at every use; it need not exist."""

    def __init__(self, overrides: Path | None = None) -> None:
        self._overrides = overrides

    def resolve(self, image: str, report: Report = lambda _line: None) -> Environment:
        """Builds it where need be (seconds to a minute). JobEnvironmentError names what can be chosen."""
        return self.of(image, _image_of(image), report)

    def of(self, image: str, found: Image | None, report: Report = lambda _line: None) -> Environment:
        """The same for an image that is described here and need not be in the list."""
        own = self.own_python(image, found)
        if own is not None:
            interpreters.inspect(own)
            framework, version = (found.framework, found.version) if found else ("", "")
            return Environment(own, framework, version, f"{image} runs on {own}, as local.toml says")
        if found is None:
            raise JobEnvironmentError(*_no_such(image))
        return _built(found, report)

    def unbuilt(self, image: str) -> str:
        """The alias of the image where its first job waits for the environment to be built; else empty."""
        found = _image_of(image)
        if found is None or self.own_python(image, found) is not None:
            return ""
        folders = (_folder([version, *way.packages]) for way in found.ways for version in way.python)
        return "" if any(map(is_built, folders)) else found.alias

    def problem(self, image: str) -> str:
        """Why a job with this image would fail; empty where the image has an environment, or can get one.

        Looks at what is here and builds nothing.
        """
        found = _image_of(image)
        if self.own_python(image, found) is not None:
            return ""
        return _no_such(image)[0] if found is None else "" if _can_be_had(found) else _no_python(found)[0]

    def with_requirements(
        self, base: Environment, file: Path, report: Report = lambda _line: None
    ) -> Environment:
        """`base` plus a requirements file, in an environment of its own; `base` is never changed."""
        text = file.read_text()
        parts = [str(base.python), text]
        if PATHS_IN_REQUIREMENTS.search(text):
            parts += _contents(file.parent)
        folder = _folder(parts)
        with sharing(folder) as there:
            if not there:
                report(f"installing {file.name}")
                build_with_requirements(folder, base.python, file)
        return Environment(folder / "bin/python", base.framework, base.version, base.warning)

    def own_python(self, image: str, found: Image | None) -> Path | None:
        """The one that local.toml names."""
        if self._overrides is None or not self._overrides.is_file():
            return None
        try:
            table = tomllib.loads(self._overrides.read_text()).get("pythons", {})
        except tomllib.TOMLDecodeError as error:
            raise JobEnvironmentError(f"{self._overrides}: {error}", "correct the file") from error
        names = (image, found.alias, found.full_alias) if found else (image,)
        return next((Path(table[name]).expanduser() for name in names if name in table), None)


def resolve(image: str) -> Environment:
    """The environment of an image URI or alias, without anyone's local.toml."""
    return Environments().resolve(image)


@cache
def images() -> tuple[Image, ...]:
    """Every image there is an environment for."""
    listed = tomllib.loads(IMAGES.read_text())["image"]
    return tuple(
        Image(
            item["framework"],
            item["version"],
            tuple(
                Packages(tuple(way["python"]), tuple(way["packages"]))
                for way in (item, *item.get("instead", ()))
            ),
        )
        for item in listed
    )


def cache_folder() -> Path:
    if own := os.environ.get("STAGEWRIGHT_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stagewright"


def _image_of(text: str) -> Image | None:
    """By alias (`sklearn-1.4`, `sklearn-1.4-2`) or by the URI of an AWS image."""
    if "/" in text:
        try:
            known = alias_of(text)
        except NotFoundError:
            return None
        base = ON_FRAMEWORK.search(text)
        text = f"{known.framework}-{known.version}" + (f"-{base[1]}{base[2]}" if base else "")
    return next((image for image in images() if text in (image.alias, image.full_alias)), None)


def _built(image: Image, report: Report) -> Environment:
    for way in image.ways:
        for version in way.python:
            folder = _folder([version, *way.packages])
            if is_built(folder) or _build(folder, version, way, f"{image.alias} on Python {version}", report):
                warning = _difference(image, way, version)
                return Environment(folder / "bin/python", image.framework, image.version, warning)
    raise JobEnvironmentError(*_no_python(image))


def _no_such(image: str) -> tuple[str, str]:
    """Message and remedy."""
    choices = ", ".join(f"{known.alias} ({known.framework} {known.version})" for known in images())
    remedy = f"use one of {choices}, or name a Python for it in local.toml, table [pythons]"
    return f"there is no Python environment for the image {image}: {remedy}", remedy


def _no_python(image: Image) -> tuple[str, str]:
    wanted = sorted({version for way in image.ways for version in way.python})
    remedy = f"install Python {image.python}, or name a Python for it in local.toml, table [pythons]"
    return f"{image.alias} needs Python {' or '.join(wanted)}, and none is here: {remedy}", remedy


def _can_be_had(image: Image) -> bool:
    ways = [(version, way) for way in image.ways for version in way.python]
    built = (is_built(_folder([version, *way.packages])) for version, way in ways)
    return any(built) or any(interpreters.find(version) for version, _ in ways)


def _build(folder: Path, version: str, way: Packages, what: str, report: Report) -> bool:
    """False where this machine has no such Python."""
    python = interpreters.find(version)
    if python is None:
        return False
    with sharing(folder) as there:
        if not there:
            report(f"building the environment of {what}: {folder}")
            build(folder, python, way.packages)
    return True


def _difference(image: Image, way: Packages, version: str) -> str:
    if way is image.ways[0]:
        if version == image.python:
            return ""
        return f"{image.alias} runs on Python {version} here; the image has {image.python}"
    return (
        f"{image.alias} cannot be had on this machine: {way.packages[0]} on Python {version} instead; "
        f"install Python {image.python} for the image's own"
    )


def _folder(parts: list[str]) -> Path:
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]
    return cache_folder() / "environments" / digest


def _contents(folder: Path) -> Iterator[str]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield str(file.relative_to(folder))
            yield hashlib.sha256(file.read_bytes()).hexdigest()
