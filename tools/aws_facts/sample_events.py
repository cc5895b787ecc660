"""Events, and the rules of an installation that each must match."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stagewright.naming import OWN_FOLDERS, Installation

TIME = "2026-01-31T14:00:00Z"
OTHER_ACCOUNT = "210987654321"
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")

Sample = tuple[str, dict[str, Any], set[str]]
"""Name, event, keys of the rules that match."""


def samples(installation: Installation) -> Iterator[Sample]:
    """Yield events that match one rule or none. Every rule with a pattern is matched by one."""
    yield from _objects(installation)
    for status in ("Approved", "Rejected", "PendingManualApproval"):
        matching = set() if status == "PendingManualApproval" else {"model-approval"}
        yield f"model version {status}", _decided(installation, status), matching
    for owner, matching in ((installation.id, {"manual"}), ("other", set())):
        detail = {"installation": owner, "pipeline": "p"}
        yield f"request to {owner}", _event(installation, "stagewright", "Run Requested", detail), matching
    yield from _executions(installation)
    foreign = {**_decided(installation, "Approved"), "account": OTHER_ACCOUNT}
    yield "model version Approved of another account", foreign, set()


def _objects(installation: Installation) -> Iterator[Sample]:
    keys: dict[str, set[str]] = {f"{folder}x": set() for folder in OWN_FOLDERS}
    keys |= {"manifests/p.json": {"release"}, "raw/p/_SUCCESS": {"data"}, "manifest": {"data"}}
    keys["manifests/x"] = {"release"}
    for key, matching in keys.items():
        yield f"object {key}", _created(installation, installation.bucket, key), matching
    yield "object of another bucket", _created(installation, "other", "raw/p/_SUCCESS"), set()


def _executions(installation: Installation) -> Iterator[Sample]:
    machine = installation.state_machine_arn
    for arn, name in ((machine, ""), (f"{machine}:7", " of a version")):
        for status in (*ENDED, "RUNNING"):
            matching = {"run-status"} if status in ENDED else set()
            yield f"execution {status}{name}", _execution(installation, arn, status), matching
    yield "execution of another machine", _execution(installation, f"{machine}-x", "FAILED"), set()


def _created(installation: Installation, bucket: str, key: str) -> dict[str, Any]:
    detail = {"bucket": {"name": bucket}, "object": {"key": key}}
    return _event(installation, "aws.s3", "Object Created", detail)


def _decided(installation: Installation, status: str) -> dict[str, Any]:
    detail = {"ModelPackageGroupName": "g", "ModelPackageArn": "arn", "ModelApprovalStatus": status}
    return _event(installation, "aws.sagemaker", "SageMaker Model Package State Change", detail)


def _execution(installation: Installation, machine: str, status: str) -> dict[str, Any]:
    detail = {"stateMachineArn": machine, "status": status}
    return _event(installation, "aws.states", "Step Functions Execution Status Change", detail)


def _event(installation: Installation, source: str, kind: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event with all fields that TestEventPattern requires (EventBridge API reference)."""
    return {
        "id": "1",
        "source": source,
        "detail-type": kind,
        "account": installation.account,
        "region": installation.region,
        "time": TIME,
        "resources": [],
        "detail": detail,
    }
