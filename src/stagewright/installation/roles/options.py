"""Statements for optional features: a KMS key, a VPC, other buckets and keys, models of other accounts.

The ARNs depend on Terraform variables, so `resources` holds names that Terraform replaces:

- `kms_key`: the installation's key
- `job_volume_key`, `job_output_key`: the keys of the volumes and of the outputs of jobs
- `job_keys`: both
- `data_keys`: other keys
- `data_buckets`, `data_objects`: other buckets that are read or written, and their readable objects
- `output_objects`: the objects of the output locations
- `model_packages`: all model packages of the other accounts
- `glue_connections`: the Glue connections and the catalog
- every other text: itself

Sources: "Giving Lambda functions access to resources in an Amazon VPC"; "SageMaker roles" (API permissions
for jobs in a VPC); "Encryption at rest" in the guides of SQS, SNS, DynamoDB and S3;
"Deploy a Model Version from a Different Account" in SageMaker's guide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stagewright.installation.functions import FUNCTIONS
from stagewright.installation.roles import ROLES
from stagewright.installation.roles.job_settings import enforced_job_settings
from stagewright.installation.roles.role import Statement
from stagewright.installation.template import TEMPLATE

Options = Mapping[str, Mapping[str, Sequence[Statement]]]
"""Option -> role key -> statements."""

KEY = Statement(
    "Key",
    "Uses the installation's key, which encrypts its bucket, tables, queues and topics.",
    ("kms:Decrypt", "kms:GenerateDataKey"),
    ("kms_key",),
)
_VOLUME_KEY = Statement(
    "VolumeKey",
    "Encrypts the volumes of jobs and endpoints (SageMaker's guide, API permissions of the execution role).",
    ("kms:DescribeKey", "kms:CreateGrant"),
    ("job_volume_key",),
)
_OUTPUT_KEY = Statement(
    "OutputKey",
    "Encrypts the outputs of jobs and the data that endpoints capture, and reads them (SageMaker's guide, API"
    " permissions of the execution role).",
    ("kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"),
    ("job_output_key",),
)
_OUTPUTS = Statement(
    "JobOutputs",
    "Reads outputs of jobs that have a key of their own: metrics files, models to copy and smoke tests.",
    ("kms:Decrypt",),
    ("job_output_key",),
)
DATA_KEYS = Statement(
    "DataKeys",
    "Decrypts data under other keys: data of other buckets, and data written before the installation's key"
    " changed.",
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
    "Lambda creates network interfaces with the function's role. Its guide requires all resources.",
    (*_NETWORK, "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
    ("*",),
)
_JOB_VPC = Statement(
    "Network",
    "Creates the network interfaces of jobs and endpoints. SageMaker's guide requires all resources.",
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
_GLUE_VPC = (
    Statement(
        "Network",
        "Creates the network interfaces of Glue jobs (AWSGlueServiceRole uses all resources).",
        (
            *_NETWORK,
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeVpcAttribute",
            "ec2:DescribeVpcEndpoints",
            "ec2:DescribeRouteTables",
        ),
        ("*",),
    ),
    Statement(
        "TagNetwork",
        "Marks these network interfaces as Glue's (AWSGlueServiceRole).",
        ("ec2:CreateTags", "ec2:DeleteTags"),
        (f"arn:{TEMPLATE.partition}:ec2:{TEMPLATE.region}:{TEMPLATE.account}:network-interface/*",),
        {"ForAllValues:StringEquals": {"aws:TagKeys": ["aws-glue-service-resource"]}},
    ),
    Statement(
        "Connections",
        "Reads the connections of the Glue jobs.",
        ("glue:GetConnection", "glue:GetConnections"),
        ("glue_connections",),
    ),
)
_DATA = Statement("Data", "Reads objects of other buckets.", ("s3:GetObject",), ("data_objects",))
DATA_BUCKETS = Statement(
    "DataBuckets", "Lists objects of other buckets.", ("s3:ListBucket",), ("data_buckets",)
)
_WRITE_OUTPUTS = Statement(
    "Outputs",
    "Writes the outputs of jobs and the data that endpoints capture to the output locations.",
    ("s3:PutObject",),
    ("output_objects",),
)
_WRITE_GLUE_OUTPUTS = Statement(
    "Outputs",
    "Writes the outputs of stages to the output locations.",
    ("s3:PutObject", "s3:DeleteObject"),
    ("output_objects",),
)
_OUTPUT_KEYS = Statement(
    "OutputKeys",
    "Encrypts outputs with the keys of the output locations' buckets.",
    ("kms:GenerateDataKey",),
    ("data_keys",),
)
_FOREIGN_VERSION = Statement(
    "ForeignModelVersion",
    "Checks whether a model version of another account is approved.",
    ("sagemaker:DescribeModelPackage",),
    ("model_packages",),
)
_FOREIGN_MODEL = Statement(
    "ForeignModel",
    "Creates a model from a version that another account shares through its group's policy.",
    ("sagemaker:DescribeModelPackage", "sagemaker:CreateModel"),
    ("model_packages",),
)
_JOB_SERVICES = ("sagemaker.amazonaws.com", "glue.amazonaws.com")


_JOB_ROLES = [role.key for role in ROLES if role.service in _JOB_SERVICES]
_FUNCTION_KEYS = [function.key for function in FUNCTIONS]
OPTIONS: Options = {
    "kms_key": {role.key: (KEY,) for role in ROLES},
    "job_volume_key": dict.fromkeys(("sagemaker", "workflow"), (_VOLUME_KEY,)),
    "job_output_key": {
        "sagemaker": (_OUTPUT_KEY,),
        **dict.fromkeys(("router", "workflow", "smoke-test", "glue"), (_OUTPUTS,)),
    },
    "data_keys": {role.key: (DATA_KEYS,) for role in ROLES},
    "vpc": dict.fromkeys(_FUNCTION_KEYS, (_FUNCTION_VPC,)),
    "job_vpc": {"sagemaker": (_JOB_VPC,)},
    "glue_vpc": {"glue": _GLUE_VPC},
    "model_accounts": {
        **dict.fromkeys(("router", "sweeper"), (_FOREIGN_VERSION,)),
        "workflow": (_FOREIGN_MODEL,),
    },
    "data_buckets": {
        "router": (DATA_BUCKETS,),
        **dict.fromkeys(("workflow", "smoke-test", *_JOB_ROLES), (_DATA, DATA_BUCKETS)),
    },
    "output_locations": {"sagemaker": (_WRITE_OUTPUTS,), "glue": (_WRITE_GLUE_OUTPUTS,)},
    "output_keys": dict.fromkeys(_JOB_ROLES, (_OUTPUT_KEYS,)),
    **{option: {"workflow": statements} for option, statements in enforced_job_settings().items()},
}

MANAGED_OPTIONS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "workflow": {
        "enforced": tuple(enforced_job_settings()),
        "data": ("data_keys", "model_accounts", "data_buckets"),
    }
}
"""Role key -> name of a customer managed policy -> the options whose statements it has.

IAM accepts 10,240 characters of inline policies for a role, and 6,144 for each managed policy ("IAM and AWS
STS quotas"). The lists of a platform team have any length."""


def managed_policies() -> Iterator[tuple[str, str]]:
    """Yield the ARN of each role with managed policies, and that of each of these."""
    arns = {role.key: role.arn for role in ROLES}
    for role, policies in MANAGED_OPTIONS.items():
        for name in policies:
            policy = f"policy/{TEMPLATE.name(role)}-{name}"
            yield arns[role], f"arn:{TEMPLATE.partition}:iam::{TEMPLATE.account}:{policy}"


def role_options(options: Options = OPTIONS) -> dict[str, Any]:
    """Return the statements per option, then per role key."""
    return {
        option: {
            role: [statement.to_json() for statement in statements] for role, statements in roles.items()
        }
        for option, roles in options.items()
    }
