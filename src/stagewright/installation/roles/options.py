"""Statements that a role gets only where the installation has a key, a VPC, buckets or keys beside its own,
or deploys models of other accounts.

Their resources are not known here, so `resources` names what Terraform puts in their place: `kms_key` the
key's ARN, `data_keys` those of other keys, `data_buckets` and `data_objects` the buckets' and their objects'
ARNs, `model_packages` those of all model packages in the other accounts; `*` stands for itself.
Sources: "Giving Lambda functions access to resources in an Amazon VPC"; "SageMaker roles" (API permissions
for jobs in a VPC); "Encryption at rest" in the guides of SQS, SNS, DynamoDB and S3;
"Deploy a Model Version from a Different Account" in SageMaker's guide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stagewright.installation.functions import FUNCTIONS
from stagewright.installation.roles import ROLES
from stagewright.installation.roles.role import Statement

_KEY = Statement(
    "Key",
    "bucket, tables, queues and topics are encrypted with the installation's key",
    ("kms:Decrypt", "kms:GenerateDataKey"),
    ("kms_key",),
)
_VOLUME_KEY = Statement(
    "VolumeKey",
    "encrypts the disks of jobs and endpoints",
    ("kms:DescribeKey", "kms:CreateGrant"),
    ("kms_key",),
)
_DATA_KEYS = Statement(
    "DataKeys",
    "reads what lies under other keys: other buckets' data, and the installation's own from before its key"
    " was changed",
    ("kms:Decrypt",),
    ("data_keys",),
)
_NETWORK = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
)
_FUNCTION_VPC = Statement(
    "Network",
    "Lambda makes network interfaces in the function's name, and its guide asks for all resources",
    (*_NETWORK, "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
    ("*",),
)
_JOB_VPC = Statement(
    "Network",
    "jobs and endpoints make network interfaces; SageMaker's guide asks for all resources",
    (
        *_NETWORK,
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterfacePermission",
        "ec2:DescribeDhcpOptions",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeVpcs",
    ),
    ("*",),
)
_DATA = Statement("Data", "reads data of other buckets", ("s3:GetObject",), ("data_objects",))
_DATA_BUCKETS = Statement("DataBuckets", "lists data of other buckets", ("s3:ListBucket",), ("data_buckets",))
_FOREIGN_VERSION = Statement(
    "ForeignModelVersion",
    "asks whether a version that another account registered is approved",
    ("sagemaker:DescribeModelPackage",),
    ("model_packages",),
)
_FOREIGN_MODEL = Statement(
    "ForeignModel",
    "makes a model of a version that another account registered, and shares by its group's policy",
    ("sagemaker:DescribeModelPackage", "sagemaker:CreateModel"),
    ("model_packages",),
)


_RUNS_STAGES = ("sagemaker.amazonaws.com", "glue.amazonaws.com")


def role_options() -> dict[str, Any]:
    """Option -> short name of the role -> statements."""
    functions = [function.what for function in FUNCTIONS]
    options: dict[str, dict[str, Sequence[Statement]]] = {
        "kms_key": {**{role.what: (_KEY,) for role in ROLES}, "sagemaker": (_KEY, _VOLUME_KEY)},
        "data_keys": {role.what: (_DATA_KEYS,) for role in ROLES},
        "vpc": {**dict.fromkeys(functions, (_FUNCTION_VPC,)), "sagemaker": (_JOB_VPC,)},
        "model_accounts": {"router": (_FOREIGN_VERSION,), "workflow": (_FOREIGN_MODEL,)},
        "data_buckets": {
            "router": (_DATA_BUCKETS,),
            **{role.what: (_DATA, _DATA_BUCKETS) for role in ROLES if role.service in _RUNS_STAGES},
        },
    }
    return {
        option: {role: [statement.to_json() for statement in statements] for role, statements in each.items()}
        for option, each in options.items()
    }
