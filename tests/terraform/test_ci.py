"""The trust of the CI roles: which jobs of GitLab and runs of Terraform Cloud get the keys of which role."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest
from tests.terraform.session import ACCOUNT, Terraform, resources

pytestmark = pytest.mark.slow

EVALUATOR = import_module("ministack.core.iam_evaluator")
GITLAB, CLOUD = "gitlab.example.com", "app.terraform.io"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/"
MAIN = """
variable "installations" {
  type = any
}

module "ci" {
  source   = "../modules/ci"
  for_each = var.installations

  environment      = each.value.environment
  bucket           = "ml-${each.key}"
  gitlab           = each.value.gitlab
  terraform_cloud  = each.value.terraform_cloud
  create_providers = each.value.environment == "dev"
}
"""


def project(**more: Any) -> dict[str, Any]:
    return {"url": f"https://{GITLAB}", "project_id": 42, **more}


def workspace(environment: str) -> dict[str, str]:
    return {"organization": "acme", "project": "ml", "workspace": f"stagewright-{environment}"}


def installation(environment: str, gitlab: Any = None, cloud: Any = None) -> dict[str, Any]:
    return {"environment": environment, "gitlab": gitlab, "terraform_cloud": cloud}


INSTALLATIONS = {
    "dev": installation("dev", project(plan_branches=["*"], promotes_to="staging")),
    "uat": installation("uat", project(receives_promotions=True, promotes_to="production")),
    "prod": installation("prod", project(receives_promotions=True)),
    "free": installation("prod", project(protected_environments=False)),
    "trunk": installation("prod", project(branch="trunk", plan_branches=["release/*"])),
    "cloud-dev": installation("dev", None, workspace("dev")),
    "cloud-prod": installation("prod", None, workspace("prod")),
    "both-dev": installation("dev", project(promotes_to="staging"), workspace("dev")),
    "both-prod": installation("prod", project(receives_promotions=True), workspace("prod")),
}


@dataclass(frozen=True)
class Token:
    """What AWS sees of a token: who signed it, for whom, and its subject."""

    subject: str
    issuer: str = GITLAB
    audience: str = ""

    def claims(self) -> dict[str, str]:
        audience = self.audience or {GITLAB: f"https://{GITLAB}", CLOUD: "aws.workload.identity"}[self.issuer]
        return {f"{self.issuer}:sub": self.subject, f"{self.issuer}:aud": audience}


def job(
    ref: str = "main",
    *,
    ref_type: str = "branch",
    protected: bool = True,
    environment: tuple[bool, str] | None = None,
    project_id: int = 42,
) -> Token:
    """A job's token, with the components that docs/gitlab.md sets. GitLab leaves out those without a value.

    `environment` is whether it is protected, and its tier. A merge request of a fork has the fork's project.
    """
    parts = [("project_id", project_id), ("ref_type", ref_type), ("ref", ref), ("ref_protected", protected)]
    if environment:
        parts += [("environment_protected", environment[0]), ("deployment_tier", environment[1])]
    return Token(
        ":".join(
            f"{name}:{str(value).lower() if isinstance(value, bool) else value}" for name, value in parts
        )
    )


def run(phase: str, environment: str = "dev", *, organization: str = "acme", within: str = "ml") -> Token:
    named = f"organization:{organization}:project:{within}:workspace:stagewright-{environment}"
    return Token(f"{named}:run_phase:{phase}", CLOUD)


Roles = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def planned(terraform: Callable[..., Terraform]) -> list[dict[str, Any]]:
    return resources(
        terraform("ci-roles", MAIN).plan(installations=INSTALLATIONS)["planned_values"]["root_module"]
    )


@pytest.fixture(scope="module")
def trusts(planned: list[dict[str, Any]]) -> Roles:
    """(installation, role) -> its trust."""
    found = {}
    for each in planned:
        if each["type"] == "aws_iam_role":
            name = each["address"].split('"')[1]
            found[name, each["index"]] = json.loads(each["values"]["assume_role_policy"])
    return found


def may_assume(trust: dict[str, Any], token: Token) -> bool:
    (statement,) = trust["Statement"]
    if statement["Principal"] != {"Federated": PROVIDER + token.issuer}:
        return False
    policy = {"Statement": [{**statement, "Resource": "*"}]}
    context = EVALUATOR.EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:federated-user/x",
        principal_type="FederatedUser",
        principal_account=ACCOUNT,
        action="sts:AssumeRoleWithWebIdentity",
        resource_arn="*",
        region="us-east-1",
        service_context=token.claims(),
    )
    return EVALUATOR.evaluate(context, [EVALUATOR.parse_policy_document(policy)]).decision == "Allow"


DEV, UAT, PROD = (True, "development"), (True, "staging"), (True, "production")
MERGE_REQUEST = job("feature", protected=False)
MAIN_JOB = job()


@pytest.mark.parametrize(
    ("name", "role", "token"),
    [
        ("dev", "plan", MERGE_REQUEST),
        ("dev", "plan", job("release/1.0")),
        ("dev", "plan", MAIN_JOB),
        ("uat", "plan", MAIN_JOB),
        ("prod", "plan", MAIN_JOB),
        ("trunk", "plan", job("release/1.0", protected=False)),
        ("dev", "apply", job(environment=DEV)),
        ("uat", "apply", job(environment=UAT)),
        ("prod", "apply", job(environment=PROD)),
        ("trunk", "apply", job("trunk", environment=PROD)),
        ("free", "apply", job(environment=(False, "production"))),
        ("uat", "promote", job(environment=UAT)),
        ("dev", "promote-source", job(environment=UAT)),
        ("prod", "promote", job(environment=PROD)),
        ("uat", "promote-source", job(environment=PROD)),
        ("cloud-dev", "plan", run("plan")),
        ("cloud-dev", "apply", run("apply")),
        ("cloud-prod", "apply", run("apply", "prod")),
        ("both-dev", "plan", run("plan")),
        ("both-prod", "promote", job(environment=PROD)),
        ("both-dev", "promote-source", job(environment=UAT)),
    ],
)
def test_jobs_get_the_role_of_their_environment_and_phase(
    trusts: Roles, name: str, role: str, token: Token
) -> None:
    assert may_assume(trusts[name, role], token)


OTHER_PROJECT = {"project_id": 43}
REFUSED = {
    "a branch against uat's plan": ("uat", "plan", MERGE_REQUEST),
    "a branch against prod's plan": ("prod", "plan", MERGE_REQUEST),
    "a branch against prod's apply": ("prod", "apply", MERGE_REQUEST),
    "a branch that claims prod's environment": ("prod", "apply", job("feature", environment=PROD)),
    "a fork's main against dev's plan": ("dev", "plan", job(**OTHER_PROJECT)),
    "a fork's main against prod's plan": ("prod", "plan", job(**OTHER_PROJECT)),
    "another project in prod's environment": ("prod", "apply", job(environment=PROD, **OTHER_PROJECT)),
    "a project whose number begins alike": ("dev", "plan", job(project_id=421)),
    "a tag named main": ("prod", "plan", job(ref_type="tag")),
    "a tag against dev's plan": ("dev", "plan", job("v1", ref_type="tag")),
    "a tag in prod's environment": ("prod", "apply", job(ref_type="tag", environment=PROD)),
    "main, not protected": ("prod", "plan", job(protected=False)),
    "main, not protected, in prod": ("prod", "apply", job(protected=False, environment=PROD)),
    "main without an environment": ("prod", "apply", MAIN_JOB),
    "an unprotected environment": ("prod", "apply", job(environment=(False, "production"))),
    "dev's environment against prod": ("prod", "apply", job(environment=DEV)),
    "uat's environment against prod": ("prod", "apply", job(environment=UAT)),
    "prod's environment against dev": ("dev", "apply", job(environment=PROD)),
    "a plan job against dev's apply": ("dev", "apply", MAIN_JOB),
    "a job of prod against prod's plan": ("prod", "plan", job(environment=PROD)),
    "a job of uat against dev's apply": ("dev", "apply", job(environment=UAT)),
    "dev's job as the source of a promotion": ("dev", "promote-source", job(environment=DEV)),
    "uat's promotion as prod's": ("prod", "promote", job(environment=UAT)),
    "a branch as a promotion": ("prod", "promote", MERGE_REQUEST),
    "main where trunk is released": ("trunk", "apply", job(environment=PROD)),
    "main where trunk is planned": ("trunk", "plan", MAIN_JOB),
    "a branch in a project without protected environments": (
        "free", "apply", job("feature", protected=False, environment=(False, "production")),
    ),
    "a token for another service": ("dev", "plan", Token(MAIN_JOB.subject, audience="https://vault.example.com")),
    "a token that GitLab did not sign": ("dev", "plan", Token(MAIN_JOB.subject, CLOUD)),
    "the default subject of GitLab": ("dev", "plan", Token("project_path:t/p:ref_type:branch:ref:main")),
    "a plan against the apply role": ("cloud-dev", "apply", run("plan")),
    "an apply against the plan role": ("cloud-dev", "plan", run("apply")),
    "a plan of prod against prod's apply": ("cloud-prod", "apply", run("plan", "prod")),
    "dev's workspace against prod": ("cloud-prod", "apply", run("apply", "dev")),
    "dev's workspace against prod's plan": ("cloud-prod", "plan", run("plan", "dev")),
    "a workspace of another organization": ("cloud-dev", "plan", run("plan", organization="other")),
    "a workspace of another project": ("cloud-dev", "plan", run("plan", within="sandbox")),
    "GitLab where Terraform Cloud plans": ("both-dev", "plan", MAIN_JOB),
    "GitLab where Terraform Cloud applies": ("both-prod", "apply", job(environment=PROD)),
    "Terraform Cloud where GitLab promotes": ("both-prod", "promote", run("apply", "prod")),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_other_jobs_get_no_role(trusts: Roles, case: str) -> None:
    name, role, token = REFUSED[case]
    assert not may_assume(trusts[name, role], token)


def test_promotion_roles_exist_only_where_gitlab_promotes(trusts: Roles) -> None:
    by_name = {name: {role for other, role in trusts if other == name} for name in INSTALLATIONS}
    assert by_name["dev"] == {"plan", "apply", "promote-source"}
    assert by_name["uat"] == {"plan", "apply", "promote", "promote-source"}
    assert by_name["prod"] == {"plan", "apply", "promote"}
    assert by_name["cloud-dev"] == by_name["cloud-prod"] == {"plan", "apply"}
    assert by_name["both-prod"] == {"plan", "apply", "promote"}


def test_one_environment_of_an_account_creates_the_identity_providers(planned: list[dict[str, Any]]) -> None:
    made = {
        each["address"].split('"')[1]: (each["values"]["url"], tuple(each["values"]["client_id_list"]))
        for each in planned
        if each["type"] == "aws_iam_openid_connect_provider" and each["index"] == GITLAB
    }
    assert made == dict.fromkeys(("dev", "both-dev"), (f"https://{GITLAB}", (f"https://{GITLAB}",)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gitlab": project(project_id=0)}, "Settings > General > Project ID"),
        ({"gitlab": project(project_id=1.5)}, "Settings > General > Project ID"),
        ({"gitlab": project(url="http://gitlab.example.com")}, "such as https://gitlab.example.com"),
        ({"gitlab": project(url="https://gitlab.example.com/")}, "without a slash at its end"),
        ({"gitlab": project(url="https://gitlab.example.com:8443")}, "IAM accepts no port in it"),
        ({"gitlab": project(branch="*")}, "without wildcards"),
        ({"gitlab": project(branch="main?")}, "without wildcards"),
        ({"gitlab": project(plan_branches=["a:b"])}, "without colons"),
        ({"gitlab": project(promotes_to="uat")}, "deployment tiers are production, staging"),
        ({"terraform_cloud": {"organization": "acme", "workspace": "*"}}, "without wildcards"),
        ({"terraform_cloud": {**workspace("dev"), "hostname": "https://x"}}, "must be a host"),
        ({}, "Set gitlab, terraform_cloud, or both"),
    ],
)  # fmt: skip
def test_trust_that_would_be_too_wide_is_rejected(
    ci_alone: Terraform, settings: dict[str, Any], message: str
) -> None:
    assert message in ci_alone.refused(environment="dev", bucket="ml-dev", **settings)


@pytest.fixture(scope="module")
def ci_alone(terraform: Callable[..., Terraform]) -> Terraform:
    return terraform("modules/ci", provider=True)


def test_boundary_that_is_too_long_is_refused(ci_alone: Terraform) -> None:
    refused = ci_alone.refused(
        environment="dev",
        bucket="ml-dev",
        gitlab=project(),
        data_buckets=[f"lake-{number:058}" for number in range(20)],
    )
    assert "IAM accepts 6144. Use fewer or shorter data_buckets" in refused
