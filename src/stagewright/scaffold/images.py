"""The image for a script, and the packages that the image lacks."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from stagewright.catalog.images import Image, alias_of, resolve
from stagewright.catalog.python_packages import (
    is_standard,
    modules_of,
    packages_of,
)
from stagewright.errors import StagewrightError

FRAMEWORKS = {"transformers": "huggingface", "torch": "pytorch", "xgboost": "xgboost"}
"""Module -> the framework whose image has it. Everything else runs in scikit-learn's image."""


REGION = "us-east-1"
"""A region that has every image."""
TOOLKITS = "sagemaker_"
"""Beginning of the modules that AWS's images have and no package brings."""


@dataclass(frozen=True)
class LocalImage:
    """An image that this machine knows. `modules`: those of its environment here, None if it is not built.

    `can_run`: this machine has the image's environment, or can build it.
    """

    image: Image
    alias: str
    modules: Collection[str] | None = None
    can_run: bool = True

    @property
    def framework(self) -> str:
        return self.image.framework


def framework_of(imports: Collection[str]) -> str:
    """The framework whose image has what the script imports."""
    return next((name for module, name in FRAMEWORKS.items() if module in imports), "sklearn")


def choose_image(imports: Collection[str], images: Iterable[LocalImage], chosen: str = "") -> LocalImage:
    """The chosen image, or the one that has most in common with it.

    Without a choice: the newest image of the framework that the script imports, of those that this machine
    can run. `chosen` is an alias or a URI.
    """
    known = list(images)
    wanted = _image(chosen) if chosen else None
    framework = wanted.framework if wanted else framework_of(imports)
    offered = [image for image in known if wanted and image.image.version == wanted.version]
    offered = [image for image in offered or known if image.framework == framework]
    offered = offered or [image for image in known if image.framework == framework_of(imports)]
    return max(offered, key=lambda image: (image.can_run, _version(image.alias)))


def _image(chosen: str) -> Image | None:
    """The image of AWS with this alias or URI."""
    try:
        return alias_of(resolve(chosen, REGION))
    except StagewrightError:
        return None


def missing_packages(imports: Iterable[str], image: LocalImage) -> list[str]:
    """The packages that pip must install for the imports, because the image lacks them, here or on AWS."""
    on_aws = modules_of(image.image) or frozenset()
    here = on_aws if image.modules is None else image.modules
    missing = (
        module
        for module in imports
        if not (is_standard(module) or module.startswith(TOOLKITS))
        and not (module in on_aws and module in here)
    )
    return sorted({next(iter(packages_of(module)), module) for module in missing})


def _version(alias: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", alias)]
