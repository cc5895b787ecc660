"""Statements that deny jobs, models and endpoints without the settings of their installation.

The conditions hold names that Terraform replaces (see `options`). AWS evaluates a negated operator on a
missing key as true, and `ForAnyValue` as false ("IAM JSON policy elements: Condition operators", "Set
operators for multivalued context keys").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sagemaker_rules.instances import PATTERNS
from stagewright.installation.roles.role import Statement
from stagewright.stages.base.job_settings import FIELDS

_NO_OUTPUT_KEY = ("CreateEndpointConfig",)
"""Operations whose requests have a key of outputs that no condition key shows."""
_WITHOUT_INSTANCES = ("CreateModel",)


def enforced_job_settings() -> dict[str, Sequence[Statement]]:
    """Return the statements per option of the roles module."""
    volume = {"ArnNotEquals": {"sagemaker:VolumeKmsKey": ["job_volume_key"]}, **_any("NotLike", PATTERNS)}
    return {
        "enforce_vpc": (
            _deny("EnforceVpc", "vpc", "without the VPC", {"Null": {"sagemaker:VpcSubnets": "true"}}),
            _deny("EnforceSubnets", "vpc", "in other subnets", _other("VpcSubnets", "job_subnets")),
            _deny(
                "EnforceSecurityGroups",
                "vpc",
                "with other security groups",
                _other("VpcSecurityGroupIds", "job_security_groups"),
            ),
        ),
        "enforce_network_isolation": (
            _deny("EnforceIsolation", "network_isolation", "with a network", _off("NetworkIsolation")),
        ),
        "enforce_encrypt_traffic": (
            _deny(
                "EnforceTraffic",
                "encrypt_traffic",
                "whose traffic is not encrypted",
                _off("InterContainerTrafficEncryption"),
            ),
        ),
        "enforce_volume_key": (
            _deny(
                "EnforceVolumeKey",
                "kms_volume_key",
                "without the key of volumes, unless local storage encrypts itself",
                volume,
            ),
        ),
        "enforce_output_key": (
            _deny(
                "EnforceOutputKey",
                "kms_output_key",
                "without the key of outputs",
                {"ArnNotEquals": {"sagemaker:OutputKmsKey": ["job_output_key"]}},
            ),
        ),
        "enforce_instance_types": (
            _deny(
                "EnforceInstanceTypes",
                "",
                "on other instance types",
                _any("NotLike", ("job_instance_types",)),
            ),
        ),
    }


def _deny(sid: str, setting: str, what: str, conditions: Mapping[str, Any]) -> Statement:
    """Return a statement for the operations whose requests have the setting. Empty: all with instances."""
    operations = [
        operation
        for operation, fields in FIELDS.items()
        if (setting in fields if setting else operation not in _WITHOUT_INSTANCES)
        and not (setting == "kms_output_key" and operation in _NO_OUTPUT_KEY)
    ]
    actions = [f"sagemaker:{operation}" for operation in operations]
    return Statement(sid, f"Denies resources {what}.", actions, ("*",), conditions, "Deny")


def _other(key: str, name: str) -> Mapping[str, Any]:
    return {"ForAnyValue:StringNotEquals": {f"sagemaker:{key}": [name]}}


def _any(operator: str, types: Sequence[str]) -> Mapping[str, Any]:
    return {f"ForAnyValue:String{operator}": {"sagemaker:InstanceTypes": list(types)}}


def _off(key: str) -> Mapping[str, Any]:
    return {"BoolIfExists": {f"sagemaker:{key}": "false"}}
