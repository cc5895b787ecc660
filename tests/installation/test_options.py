"""Statements that depend on Terraform variables: which role has them, and on which variable they depend."""

from __future__ import annotations

import pytest

from stagewright.installation.roles.options import role_options

OPTIONS = role_options()
INTERFACES = {
    f"ec2:{action}"
    for action in (
        "CreateNetworkInterface",
        "CreateNetworkInterfacePermission",
        "DeleteNetworkInterface",
        "DeleteNetworkInterfacePermission",
        "DescribeNetworkInterfaces",
        "DescribeVpcs",
        "DescribeDhcpOptions",
        "DescribeSubnets",
        "DescribeSecurityGroups",
    )
}
"""SageMaker's guide, "SageMaker AI roles": what an execution role needs for jobs with a VpcConfig."""


def actions(option, role):
    return {action for statement in OPTIONS[option].get(role, ()) for action in statement["actions"]}


def test_statements_of_jobs_do_not_depend_on_the_vpc_of_functions():
    assert actions("job_vpc", "sagemaker") == INTERFACES
    assert set(OPTIONS["job_vpc"]) == {"sagemaker"}
    assert "sagemaker" not in OPTIONS["vpc"]


@pytest.mark.parametrize("role", ["sagemaker", "workflow"])
def test_kms_key_of_volumes_is_granted_to_the_state_machine(role):
    """CreateEndpoint carries no role: its caller creates the grant."""
    assert actions("job_volume_key", role) == {"kms:DescribeKey", "kms:CreateGrant"}


@pytest.mark.parametrize("role", ["sagemaker", "glue", "workflow", "smoke-test"])
def test_data_of_other_buckets_is_read_and_listed(role):
    assert actions("data_buckets", role) == {"s3:GetObject", "s3:ListBucket"}


def test_only_jobs_write_to_output_locations():
    assert set(OPTIONS["output_locations"]) == set(OPTIONS["output_keys"]) == {"sagemaker", "glue"}
