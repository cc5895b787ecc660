"""Statements that are broader than AWS's service authorization reference requires, with the reason for each.

A test compares all other statements with that reference: they use the resource `*` only for actions that take
no narrower one.
"""

from __future__ import annotations

from stagewright.installation.functions import FUNCTIONS

_NETWORK = ("CreateNetworkInterface", "DeleteNetworkInterface")
_VPC = (
    "The network interfaces of functions and jobs have no predictable names. The Lambda and SageMaker guides"
    " use all resources."
)

BROADER = {
    ("workflow", "ListTags", "sagemaker:ListTags"): (
        "`.sync` lists the tags of jobs. The policy in the Step Functions guide uses all resources."
    ),
    **{
        (role, "ListModelVersions", "sagemaker:ListModelPackages"): (
            "The reference names model packages as the resource, but does not define which of them a list of"
            " a group needs."
        )
        for role in ("router", "sweeper", "viewer")
    },
    **{
        (function.key, "Network", f"ec2:{action}"): _VPC
        for function in FUNCTIONS
        for action in (*_NETWORK, "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses")
    },
    **{("glue", "Network", f"ec2:{action}"): _VPC for action in (*_NETWORK, "DescribeVpcAttribute")},
    **{
        ("sagemaker", "Network", f"ec2:{action}"): _VPC
        for action in (*_NETWORK, "CreateNetworkInterfacePermission", "DeleteNetworkInterfacePermission")
    },
}
"""(role, statement, action) -> why the statement uses all resources."""
