"""The image for a script, and the packages that the image lacks."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from stagewright.syntax.scripts.imports import distribution

FRAMEWORKS = {"transformers": "huggingface", "torch": "pytorch", "xgboost": "xgboost"}
"""Module -> the framework whose image has it. Everything else runs in scikit-learn's image."""
TOOLKITS = {
    "pkg_resources", "sagemaker_algorithm_toolkit", "sagemaker_containers", "sagemaker_inference",
    "sagemaker_sklearn_container", "sagemaker_training", "sagemaker_xgboost_container",
}  # fmt: skip
"""Modules of the images that no package index has."""
REQUIRED = {
    "boto3": ("botocore", "s3transfer", "jmespath", "urllib3"),
    "dask": ("toolz", "cloudpickle", "fsspec"),
    "flask": ("click",),
    "pandas": ("numpy", "python-dateutil", "pytz"),
    "scikit-learn": ("numpy", "scipy", "joblib", "threadpoolctl"),
    "seaborn": ("matplotlib", "pandas"),
    "torch": ("networkx", "sympy", "filelock", "typing-extensions", "jinja2"),
    "transformers": ("tokenizers", "safetensors", "regex", "requests", "tqdm", "packaging", "filelock"),
}
"""Package -> packages that it always brings."""


@dataclass(frozen=True)
class LocalImage:
    """An image that this machine knows. `can_run`: it has the image's environment, or can build it."""

    framework: str
    alias: str
    packages: tuple[str, ...]
    can_run: bool = True


def framework_of(imports: Collection[str]) -> str:
    """The framework whose image has what the script imports."""
    return next((name for module, name in FRAMEWORKS.items() if module in imports), "sklearn")


def choose_image(imports: Collection[str], images: Iterable[LocalImage]) -> LocalImage:
    """The newest image of the framework that the script imports, of those that this machine can run."""
    framework = framework_of(imports)
    offered = [image for image in images if image.framework == framework]
    return max(offered, key=lambda image: (image.can_run, _version(image.alias)))


def missing_packages(imports: Mapping[str, int], image: LocalImage) -> list[str]:
    """The packages that pip must install for the imports, because the image lacks them."""
    has = {canonical(package) for package in image.packages}
    has |= {inner for package in has for inner in REQUIRED.get(package, ())}
    needed = {distribution(module) for module in imports if module not in TOOLKITS}
    return sorted((name for name in needed if canonical(name) not in has), key=str.lower)


def canonical(requirement: str) -> str:
    """The normalized name of a requirement ("Names and normalization", Python packaging guide)."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;@]", requirement.strip())[0]).lower()


def _version(alias: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", alias)]
