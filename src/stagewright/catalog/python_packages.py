"""Which modules AWS's images have, and which packages bring a module. The data is python_packages.toml."""

from __future__ import annotations

import re
import sys
import tomllib
from functools import cache
from importlib import resources
from typing import Any

from stagewright.catalog.images import Image

REMOVED = frozenset(("asynchat", "asyncore", "audioop", "cgi", "cgitb", "crypt", "distutils", "imghdr",
                     "imp", "lib2to3", "nntplib", "pipes", "smtpd", "sndhdr", "telnetlib", "uu",
                     "xdrlib"))  # fmt: skip
"""Modules of the standard library until Python 3.11 or 3.12."""


@cache
def modules_of(image: Image) -> frozenset[str] | None:
    """Return the modules of an image that are not in the standard library. None: they are not known."""
    names, own = _data()["modules"], _data()["image"].get(f"{image.framework}-{image.version}")
    if own is None:
        return None
    further = (*names["pytorch"], *names["huggingface"]) if image.framework == "huggingface" else ()
    return frozenset((*names["common"], *names[image.framework], *further, *own))


def is_standard(module: str) -> bool:
    """Return whether a module belongs to the standard library."""
    return module in sys.stdlib_module_names or module in REMOVED


def packages_of(module: str) -> tuple[str, ...]:
    """Return the packages that bring a module, the usual one first, with normalized names. Empty: unknown."""
    named = tuple(_data()["package"].get(module, ()))
    return named or ((normalized(module),) if normalized(module) in _data()["brings"] else ())


def modules_brought(package: str) -> frozenset[str] | None:
    """Return the modules of a package (a normalized name) and of its dependencies. None: any module."""
    further = _data()["brings"].get(package)
    if further is None:
        return None
    own = {module for module, packages in _data()["package"].items() if package in packages}
    return frozenset((*further, *own, package.replace("-", "_")))


def normalized(name: str) -> str:
    """Return the name of a package in the form that all its spellings share (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def _data() -> dict[str, Any]:
    text = resources.files("stagewright.catalog").joinpath("python_packages.toml").read_text("utf-8")
    return tomllib.loads(text)
