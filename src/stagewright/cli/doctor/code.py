"""Checks of the functions and their layer, the state machine and the Glue jobs."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from stagewright import __version__
from stagewright.cli.doctor.check import Probe, differences
from stagewright.cli.doctor.target import CheckedTarget
from stagewright.operator_gateway import OperatorGateway

VERSION = "STAGEWRIGHT_STATE_MACHINE"
CONFIGURABLE = (
    "STAGEWRIGHT_CODE_OVERRIDES",
    "STAGEWRIGHT_BYPASS",
    "STAGEWRIGHT_FOUR_EYES",
    "STAGEWRIGHT_JOBS",
    "POWERTOOLS_LOG_LEVEL",
    VERSION,
)
"""Environment variables that each installation may set differently."""


def probes(target: CheckedTarget) -> Iterator[Probe]:
    yield Probe("version", partial(_version, target), _upgrade(target), good=f"Stagewright {__version__}")
    for what, function in target.expected["functions"].items():
        yield Probe(f"function {what}", partial(_function, target, function), target.fix)
    yield Probe("state machine", partial(_machine, target), target.fix)
    for what, job in target.expected["glue_jobs"].items():
        yield Probe(f"Glue job {what}", partial(_glue_job, target, job), target.fix)
    if not target.is_local:
        remedy = "set `powertools_layer_arn` in Terraform to a layer of your own"
        for what in target.expected["layers"]:
            yield Probe(f"layer {what}", partial(_layer, target, what), remedy)


def _version(target: CheckedTarget) -> Iterator[str]:
    """Compare the installation's version with this client's."""
    installed = installed_version(target.gateway)
    if not installed:
        yield f"the installation does not name its version; this client is {__version__}"
    elif installed != __version__:
        order = "older" if _number(installed) < _number(__version__) else "newer"
        yield f"the installation is Stagewright {installed}, {order} than this client, {__version__}"


def _upgrade(target: CheckedTarget) -> str:
    if target.is_local:
        return "stagewright down, then stagewright up"
    return (
        "install the installation's version of stagewright, or raise that of the modules (docs/upgrading.md)"
    )


def installed_version(gateway: OperatorGateway) -> str:
    """Return the version of the installation, from the router's settings. Empty: it names none."""
    router = gateway.installed.function(gateway.installation.name("router"))
    version: str = router.get("Environment", {}).get("Variables", {}).get("STAGEWRIGHT_VERSION", "")
    return version


def _number(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


def _function(target: CheckedTarget, function: Mapping[str, Any]) -> Iterator[str]:
    actual = target.gateway.installed.function(function["name"])
    digest = base64.b64encode(hashlib.sha256(target.archive).digest()).decode()
    if actual["CodeSha256"] != digest:
        yield "its code is from another version"
    expected = {
        "Handler": function["handler"],
        "Runtime": function["runtime"],
        "Role": target.expected["roles"][function["role"]]["arn"],
    }
    yield from differences(expected, actual)
    environment = {name: value for name, value in function["environment"].items() if name not in CONFIGURABLE}
    yield from differences(environment, actual.get("Environment", {}).get("Variables", {}))
    if not target.is_local and not actual.get("Layers"):
        yield "it has no layer, so it cannot import pydantic"


def _machine(target: CheckedTarget) -> Iterator[str]:
    """Check the version that the router starts."""
    machine = target.expected["state_machine"]
    router = target.gateway.installed.function(target.expected["functions"]["router"]["name"])
    version = router.get("Environment", {}).get("Variables", {}).get(VERSION, "")
    if not version.startswith(f"{machine['arn']}:"):
        yield f"the router starts no published version of it ({VERSION} is {version or 'not set'})"
        return
    actual = target.gateway.installed.machine(version)
    expected = {
        "status": "ACTIVE",
        "type": machine["type"],
        "roleArn": target.expected["roles"][machine["role"]]["arn"],
    }
    yield from differences(expected, actual)
    if json.loads(actual["definition"]) != target.definition:
        yield "its definition is from another version"


def _glue_job(target: CheckedTarget, job: Mapping[str, Any]) -> Iterator[str]:
    actual = target.gateway.installed.glue_job(job["name"])
    yield from differences({"Role": target.expected["roles"][job["role"]]["arn"]}, actual)
    command = {"Name": job["command"], "PythonVersion": job["python_version"]}
    yield from differences(command, actual["Command"])


def _layer(target: CheckedTarget, what: str) -> Iterator[str]:
    """Check the layer of the router. If the router has none, check the layer published for the region."""
    installation = target.gateway.installation
    router = target.gateway.installed.function(installation.name("router"))
    regions = target.expected["layers"][what].get(installation.partition, {})
    published = regions.get(installation.region) or regions.get("*")
    arns = [layer["Arn"] for layer in router.get("Layers", ())] or [published]
    if arns == [None]:
        yield f"none is published for {installation.region}"
        return
    for arn in arns:
        target.gateway.installed.layer(arn)
