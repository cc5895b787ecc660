"""Where a role is allowed more than AWS's service authorization reference would make one give, and why.

Everything else is held to that reference by a test: a `*` only where the action takes no resource.
"""

from __future__ import annotations

from stagewright.installation.functions import FUNCTIONS

_NETWORK = ("CreateNetworkInterface", "DeleteNetworkInterface")
_VPC = (
    "the network interfaces of a function or a job have no name to tell them by, and the guides of Lambda and"
    " SageMaker give all resources"
)

BROADER = {
    ("workflow", "ListTags", "sagemaker:ListTags"): (
        "`.sync` asks for the tags of jobs; the policy in AWS's Step Functions guide has it on all resources"
    ),
    ("router", "FindChampion", "sagemaker:ListModelPackages"): (
        "the reference names packages as its resource, but not which of them a list of a group stands for"
    ),
    **{
        (function.what, "Network", f"ec2:{action}"): _VPC
        for function in FUNCTIONS
        for action in (*_NETWORK, "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses")
    },
    **{
        ("sagemaker", "Network", f"ec2:{action}"): _VPC
        for action in (*_NETWORK, "CreateNetworkInterfacePermission", "DeleteNetworkInterfacePermission")
    },
}
"""Role, statement, action -> why it is on all resources though AWS takes narrower ones."""
