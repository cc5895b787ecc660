"""Aliases of AWS's framework images.

`resolve` turns an alias such as `sklearn-1.4` into the image URI for a region and an instance type.
`alias_of` does the opposite. The data, `images.json`, is generated from the `sagemaker` package (see its
`source`).

A short version stands for the newest full version that begins with it: `sklearn-1.4` is 1.4-2, `pytorch-2.6`
is 2.6.0, and `huggingface-4.49-pytorch2.5` is 4.49.0-pytorch2.5.1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from stagewright.errors import NotFoundError, PlanError, Problem
from stagewright.naming import DNS_SUFFIXES
from stagewright.syntax.findings import closest_match

Scope = Literal["training", "inference"]
SCOPES: tuple[Scope, ...] = ("training", "inference")

_URI = re.compile(r"(?P<registry>\d{12})\.dkr\.ecr\.[^/]+/(?P<repository>[^:@]+):(?P<tag>[^@]+)")
_FAMILY = re.compile(r"ml\.([a-z\d-]+)\.\w+")
_ARM = re.compile(r"[a-z]+\d+g[a-z]*")
_ACCELERATOR = re.compile(r"(inf|trn)\d.*")


@dataclass(frozen=True)
class Image:
    """A framework image. `version`: in full ("1.4-2"). `python`: such as "3.10", or "" if AWS gives none."""

    framework: str
    version: str
    python: str


@cache
def _data() -> Mapping[str, Any]:
    text = resources.files("stagewright.catalog").joinpath("images.json").read_text("utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded


@cache
def resolve(alias_or_uri: str, region: str, instance_type: str = "", scope: Scope = "training") -> str:
    """Return the image URI of an alias. A URI (anything with a `/` or a `:`) is returned unchanged.

    `scope` is tried first: if a framework has one image for both scopes, AWS may list it under one only.
    Raises PlanError if the alias is unknown, or has no image for the region or instance type.
    """
    if _is_uri(alias_or_uri):
        return alias_or_uri
    version, image, framework = _find(alias_or_uri, scope)
    registries = _data()["registries"][image["registries"]]
    if region not in registries:
        regions = ", ".join(sorted(registries))
        raise _error(f"image {alias_or_uri} is not available in {region}", f"it is available in {regions}")
    tag = _tag(framework, version, image, _processor(alias_or_uri, image, instance_type))
    host = f"{registries[region]}.dkr.ecr.{region}.{DNS_SUFFIXES[_partition(region)]}"
    return f"{host}/{image['repository']}:{tag}"


def check_alias(alias_or_uri: str) -> None:
    """Raise PlanError if an alias is unknown in every region."""
    if not _is_uri(alias_or_uri):
        _find(alias_or_uri, "training")


def aliases() -> tuple[str, ...]:
    """Return every full alias, in the order of AWS's list."""
    return tuple(
        dict.fromkeys(f"{name}-{version}" for name, versions in _versions().items() for version in versions)
    )


@cache
def alias_of(uri: str) -> Image:
    """Return the framework image at `uri`. Raises NotFoundError if AWS has no such framework image.

    The Python version comes from the image's tag. The tags of scikit-learn and XGBoost have none, so theirs
    comes from the Dockerfiles of AWS's container repositories.
    """
    match = _URI.fullmatch(uri)
    framework = _repositories().get(match["repository"]) if match else None
    if match is None or framework is None:
        raise NotFoundError(
            f"{uri} is not one of AWS's framework images", "give an alias such as sklearn-1.4"
        )
    parts = match["tag"].split("-")
    version = _tagged_version(framework, parts)
    tagged = next((part for part in parts if re.fullmatch(r"py\d{2,}", part)), "")
    python = (
        f"{tagged[2]}.{tagged[3:]}" if tagged else _data()["frameworks"][framework]["python"].get(version, "")
    )
    return Image(framework, version, python)


def _is_uri(alias_or_uri: str) -> bool:
    return "/" in alias_or_uri or ":" in alias_or_uri


@cache
def _versions() -> Mapping[str, tuple[str, ...]]:
    return {
        name: tuple(dict.fromkeys(v for scope in SCOPES for v in framework[scope]["versions"]))
        for name, framework in _data()["frameworks"].items()
    }


@cache
def _repositories() -> Mapping[str, str]:
    return {
        image["repository"]: name
        for name, framework in _data()["frameworks"].items()
        for scope in SCOPES
        for image in framework[scope]["versions"].values()
    }


def _find(alias: str, scope: Scope) -> tuple[str, Mapping[str, Any], str]:
    """Return full version, image and framework of an alias."""
    framework, _, short_version = alias.partition("-")
    for preferred in (scope, *SCOPES):
        offered = _data()["frameworks"].get(framework, {}).get(preferred, {"versions": {}, "aliases": {}})
        version = _full_version(short_version, offered)
        if version:
            return version, offered["versions"][version], framework
    known = aliases()
    short = [f"{name}-{v}" for name in _data()["frameworks"] for s in SCOPES for v in _short(name, s)]
    close = closest_match(alias, [*known, *short])
    remedy = f'did you mean "{close}"?' if close else "give a full image URI, or an alias such as sklearn-1.4"
    raise _error(f"unknown image: {alias}", remedy)


def _short(framework: str, scope: Scope) -> list[str]:
    return list(_data()["frameworks"][framework][scope]["aliases"])


def _full_version(short: str, offered: Mapping[str, Any]) -> str:
    """Return the newest version that `short` stands for: itself, AWS's alias, or the last one it begins."""
    if short in offered["versions"] or not short:
        return short
    head, dash, base = short.partition("-")
    head = offered["aliases"].get(head, head)
    matching = [
        version
        for version in offered["versions"]
        if _begins(version, head) and (not dash or _begins(version.partition("-")[2], base))
    ]
    pytorch = [version for version in matching if "pytorch" in version]
    return max(pytorch or matching, key=_order, default="")


def _begins(version: str, short: str) -> bool:
    return version == short or version.startswith((f"{short}-", f"{short}."))


def _order(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _processor(alias: str, image: Mapping[str, Any], instance_type: str) -> str:
    """Return `cpu` or `gpu`, as in the image's tag, or "" if its tags do not distinguish them."""
    match = _FAMILY.fullmatch(instance_type)
    family = match[1] if match else ""
    if _ARM.fullmatch(family) or _ACCELERATOR.fullmatch(family):
        remedy = "choose another instance type, or give a full image URI"
        raise _error(f"image {alias} is not available for {instance_type}", remedy)
    offered = image.get("processors", [])
    wanted = "gpu" if family[:1] in ("g", "p") else "cpu"
    if wanted in offered or not offered:
        return wanted if offered else ""
    if wanted == "cpu":
        message = f"image {alias} runs on GPU instances only, not on {instance_type}"
        raise _error(message, "choose one such as ml.g5.xlarge")
    return "cpu"


def _tag(framework: str, version: str, image: Mapping[str, Any], processor: str) -> str:
    if framework == "huggingface":
        transformers, _, base = version.partition("-")
        version = f"{re.sub('[a-z]+', '', base)}-transformers{transformers}"
    parts = (version, processor, image.get("py", ""), image.get("container", {}).get(processor, ""))
    return "-".join(part for part in parts if part)


def _tagged_version(framework: str, parts: list[str]) -> str:
    if framework == "huggingface":
        return parts[1].removeprefix("transformers")
    joined = "-".join(parts[:2])
    return joined if joined in _versions()[framework] else parts[0]


def _partition(region: str) -> str:
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _error(message: str, remedy: str) -> PlanError:
    return PlanError((Problem("image", message, remedy),))
