"""The images that have a Python environment here, from images.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).with_name("images.toml")
BUILD = re.compile(r"-\d+$|(?<=\d\.\d)\.\d+(?=-|$)|(?<=\d\.\d\d)\.\d+(?=-|$)")
"""The parts of a version that its short form omits."""
AWS_IMAGE = re.compile(r"\d{12}\.dkr\.ecr\.[^/]+/(?P<repository>[^:@]+):(?P<tag>[^@]+)")


@dataclass(frozen=True)
class Packages:
    """One way to build an environment: these packages on one of these Python versions."""

    python: tuple[str, ...]
    packages: tuple[str, ...]


@dataclass(frozen=True)
class Image:
    """An image, and the ways to build its environment. The first is the image's own."""

    framework: str
    version: str
    ways: tuple[Packages, ...]

    @property
    def alias(self) -> str:
        """The short name: sklearn-1.4 for 1.4-2, huggingface-4.49-pytorch2.5 for 4.49.0-pytorch2.5.1."""
        return f"{self.framework}-{BUILD.sub('', self.version)}"

    @property
    def full_alias(self) -> str:
        return f"{self.framework}-{self.version}"

    @property
    def python(self) -> str:
        """The Python version of the image."""
        return self.ways[0].python[0]


def find(image: str) -> Image | None:
    """The image with this alias (`sklearn-1.4`, `sklearn-1.4-2`) or URI."""
    return recognize(image) if "/" in image else _with_alias(image)


def recognize(uri: str) -> Image | None:
    """The image at the URI of an AWS framework image."""
    match = AWS_IMAGE.fullmatch(uri)
    framework = _frameworks().get(match["repository"]) if match else None
    if match is None or framework is None:
        return None
    aliases = (f"{framework}-{version}" for version in _versions(framework, match["tag"]))
    return next(filter(None, map(_with_alias, aliases)), None)


@cache
def images() -> tuple[Image, ...]:
    """Every image that has an environment."""
    return tuple(
        Image(
            item["framework"],
            item["version"],
            tuple(
                Packages(tuple(way["python"]), tuple(way["packages"]))
                for way in (item, *item.get("instead", ()))
            ),
        )
        for item in _data()["image"]
    )


def lacks(framework: str) -> dict[str, str]:
    """Modules of AWS's images that the environments do not have -> the reason and what to do."""
    return dict(_data().get("lacks", {}).get(framework, {}))


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(IMAGES.read_text())


@cache
def _frameworks() -> dict[str, str]:
    """ECR repository -> framework."""
    repositories = _data()["repositories"].items()
    return {repository: framework for framework, names in repositories for repository in names}


def _versions(framework: str, tag: str) -> Iterator[str]:
    """The versions that an image tag may name, the longest first.

    Hugging Face tags name the framework below first: 2.5.1-transformers4.49.0-gpu-py311-cu124-ubuntu22.04.
    """
    first, _, rest = tag.partition("-")
    second = rest.partition("-")[0]
    if framework == "huggingface":
        yield f"{second.removeprefix('transformers')}-pytorch{first}"
    else:
        yield from (f"{first}-{second}", first)


def _with_alias(alias: str) -> Image | None:
    return next((image for image in images() if alias in (image.alias, image.full_alias)), None)
