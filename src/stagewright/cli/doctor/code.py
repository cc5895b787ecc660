"""What runs: functions, their layer, the state machine, the Glue jobs."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from stagewright.cli.doctor.check import Probe, differences
from stagewright.cli.doctor.installation import Place

CHOSEN = ("STAGEWRIGHT_CODE_OVERRIDES", "POWERTOOLS_LOG_LEVEL")
"""Environment variables that an installation may set as it likes."""


def probes(place: Place) -> Iterator[Probe]:
    for what, function in place.wanted["functions"].items():
        yield Probe(f"function {what}", partial(_function, place, function), place.mend)
    yield Probe("state machine", partial(_machine, place), place.mend)
    for what, job in place.wanted["glue_jobs"].items():
        yield Probe(f"Glue job {what}", partial(_glue_job, place, job), place.mend)
    if not place.local:
        remedy = "give Terraform a layer of your own (`powertools_layer_arn`)"
        for what in place.wanted["layers"]:
            yield Probe(f"layer {what}", partial(_layer, place, what), remedy)


def _function(place: Place, function: Mapping[str, Any]) -> Iterator[str]:
    found = place.gateway.installed.function(function["name"])
    digest = base64.b64encode(hashlib.sha256(place.archive).digest()).decode()
    if found["CodeSha256"] != digest:
        yield "its code is another version's"
    wanted = {
        "Handler": function["handler"],
        "Runtime": function["runtime"],
        "Role": place.wanted["roles"][function["role"]]["arn"],
    }
    yield from differences(wanted, found)
    environment = {name: value for name, value in function["environment"].items() if name not in CHOSEN}
    yield from differences(environment, found.get("Environment", {}).get("Variables", {}))
    if not place.local and not found.get("Layers"):
        yield "it has no layer, so it cannot import pydantic"


def _machine(place: Place) -> Iterator[str]:
    machine = place.wanted["state_machine"]
    found = place.gateway.installed.machine(machine["arn"])
    wanted = {
        "status": "ACTIVE",
        "type": machine["type"],
        "roleArn": place.wanted["roles"][machine["role"]]["arn"],
    }
    yield from differences(wanted, found)
    if json.loads(found["definition"]) != place.definition:
        yield "its definition is another version's"


def _glue_job(place: Place, job: Mapping[str, Any]) -> Iterator[str]:
    found = place.gateway.installed.glue_job(job["name"])
    yield from differences({"Role": place.wanted["roles"][job["role"]]["arn"]}, found)
    command = {"Name": job["command"], "PythonVersion": job["python_version"]}
    yield from differences(command, found["Command"])


def _layer(place: Place, what: str) -> Iterator[str]:
    """The one that the router has; where it has none yet, the one that is published for the region."""
    installation = place.gateway.installation
    router = place.gateway.installed.function(installation.name("router"))
    regions = place.wanted["layers"][what].get(installation.partition, {})
    published = regions.get(installation.region) or regions.get("*")
    arns = [each["Arn"] for each in router.get("Layers", ())] or [published]
    if arns == [None]:
        yield f"none is published for {installation.region}"
        return
    for arn in arns:
        place.gateway.installed.layer(arn)
