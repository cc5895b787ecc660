"""Statements that deny jobs, models and endpoints without the settings of their installation.

The conditions hold names that Terraform replaces (see `options`). AWS evaluates a negated operator on a
missing key as true, and `ForAnyValue` as false ("IAM JSON policy elements: Condition operators", "Set
operators for multivalued context keys").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sagemaker_rules.instances import PATTERNS
from stagewright.installation.roles.role import Statement
from stagewright.stages.base.job_settings import FIELDS

_NO_OUTPUT_KEY = ("CreateEndpointConfig",)
"""Operations whose requests have a key of outputs that no condition key shows."""
_WITHOUT_INSTANCES = ("CreateModel",)


@dataclass(frozen=True)
class _Denial:
    """A denied kind of resource.

    `option` is a key of the roles module, and `setting` one of `FIELDS`: the denial is for the operations
    whose requests have it. Empty: for all with instances.
    """

    option: str
    sid: str
    setting: str
    what: str
    conditions: Mapping[str, Any]

    def statement(self) -> Statement:
        actions = [f"sagemaker:{operation}" for operation in FIELDS if self._covers(operation)]
        return Statement(self.sid, f"Denies resources {self.what}.", actions, ("*",), self.conditions, "Deny")

    def _covers(self, operation: str) -> bool:
        if not self.setting:
            return operation not in _WITHOUT_INSTANCES
        hidden = self.setting == "kms_output_key" and operation in _NO_OUTPUT_KEY
        return self.setting in FIELDS[operation] and not hidden


_DENIALS = (
    _Denial(
        "enforce_vpc",
        "EnforceVpc",
        "vpc",
        "without the VPC",
        {"Null": {"sagemaker:VpcSubnets": "true"}},
    ),
    _Denial(
        "enforce_vpc",
        "EnforceSubnets",
        "vpc",
        "in other subnets",
        {"ForAnyValue:StringNotEquals": {"sagemaker:VpcSubnets": ["job_subnets"]}},
    ),
    _Denial(
        "enforce_vpc",
        "EnforceSecurityGroups",
        "vpc",
        "with other security groups",
        {"ForAnyValue:StringNotEquals": {"sagemaker:VpcSecurityGroupIds": ["job_security_groups"]}},
    ),
    _Denial(
        "enforce_network_isolation",
        "EnforceIsolation",
        "network_isolation",
        "with a network",
        {"BoolIfExists": {"sagemaker:NetworkIsolation": "false"}},
    ),
    _Denial(
        "enforce_encrypt_traffic",
        "EnforceTraffic",
        "encrypt_traffic",
        "whose traffic is not encrypted",
        {"BoolIfExists": {"sagemaker:InterContainerTrafficEncryption": "false"}},
    ),
    _Denial(
        "enforce_volume_key",
        "EnforceVolumeKey",
        "kms_volume_key",
        "without the key of volumes, unless local storage encrypts itself",
        {
            "ArnNotEquals": {"sagemaker:VolumeKmsKey": ["job_volume_key"]},
            "ForAnyValue:StringNotLike": {"sagemaker:InstanceTypes": list(PATTERNS)},
        },
    ),
    _Denial(
        "enforce_output_key",
        "EnforceOutputKey",
        "kms_output_key",
        "without the key of outputs",
        {"ArnNotEquals": {"sagemaker:OutputKmsKey": ["job_output_key"]}},
    ),
    _Denial(
        "enforce_instance_types",
        "EnforceInstanceTypes",
        "",
        "on other instance types",
        {"ForAnyValue:StringNotLike": {"sagemaker:InstanceTypes": ["job_instance_types"]}},
    ),
)


def enforced_job_settings() -> dict[str, Sequence[Statement]]:
    """Return the statements per option of the roles module."""
    options = dict.fromkeys(denial.option for denial in _DENIALS)
    return {
        option: tuple(denial.statement() for denial in _DENIALS if denial.option == option)
        for option in options
    }
