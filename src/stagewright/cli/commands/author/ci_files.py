"""The CI files of a new repository: GitLab's jobs, and infra/ci with the roles that they assume."""

from __future__ import annotations

from collections.abc import Mapping

from stagewright.cli.commands.author.init_options import CI, ENVIRONMENTS, Accounts, InitOptions
from stagewright.scaffold.template_text import Fields, filled

TIERS = {"dev": "development", "uat": "staging", "prod": "production"}
"""Environment -> GitLab's deployment tier, which the role's trust names: infra/modules/ci/trust.tf."""
PYTHON_IMAGE = "python:3.12@sha256:dd4fe98ab39f91e936f8e7e7a65a3ce59ecfb11e32f9a125b3132779920ba7f7"
TERRAFORM_IMAGE = (
    "hashicorp/terraform:1.14.8@sha256:42ecfb253183ec823646dd7859c5652039669409b44daa72abf57112e622849a"
)
GITLAB_STATE = """
    TF_HTTP_ADDRESS: $CI_API_V4_URL/projects/$CI_PROJECT_ID/terraform/state/$ENVIRONMENT
    TF_HTTP_LOCK_ADDRESS: $CI_API_V4_URL/projects/$CI_PROJECT_ID/terraform/state/$ENVIRONMENT/lock
    TF_HTTP_UNLOCK_ADDRESS: $CI_API_V4_URL/projects/$CI_PROJECT_ID/terraform/state/$ENVIRONMENT/lock
    TF_HTTP_LOCK_METHOD: POST
    TF_HTTP_UNLOCK_METHOD: DELETE
    TF_HTTP_USERNAME: gitlab-ci-token
    TF_HTTP_PASSWORD: $CI_JOB_TOKEN"""
"""Variables of Terraform's backend `http`, from GitLab's page on GitLab-managed Terraform state."""
PROFILES = r"""
    - sed -i 's/^\[targets\.\(.*\)\]$/&\nprofile = "\1"/' stagewright.toml"""
"""A profile for each target, because a job reads with one role and writes with another. With three accounts,
the targets have them."""
GITLAB_FLOW = "validate -> test -> plan -> dev -> uat -> prod."
SHARED_FLOW = "validate -> test; Terraform Cloud plans and applies; promotion to uat -> prod."


def files(options: InitOptions, fields: Fields) -> dict[str, str]:
    """Path -> content. `fields` are those of every template."""
    own = {**fields, **_role_fields(options)}
    texts = {
        "infra/ci/main.tf": filled("ci-main.tf", own),
        "infra/ci/variables.tf": filled("variables.tf", own),
        "infra/ci/backend.tf": filled(_backend(options), own),
        "infra/ci/.terraform.lock.hcl": filled("terraform.lock.hcl", own),
    }
    if options.in_gitlab:
        texts[".gitlab-ci.yml"] = filled("gitlab-ci.yml", {**own, **_pipeline_fields(options, own)})
    return texts


def _backend(options: InitOptions) -> str:
    if options.in_cloud:
        return "ci-backend-cloud.tf"
    return "backend-s3.tf" if options.state_bucket else "backend-gitlab.tf"


def _role_fields(options: InitOptions) -> Fields:
    once = options.accounts is Accounts.ONE
    fields = {
        "state_name": "ci-",
        "state_addresses": ", named ci-dev, ci-uat and ci-prod: see docs/ci-roles.md of Stagewright.",
        "ci_module": options.module("ci"),
        "create_providers": 'var.environment == "dev" # one of each per account' if once else "true",
        "state": f'\n  state_bucket         = "{options.state_bucket}"' if options.state_bucket else "",
        "gitlab_url": options.gitlab_url,
        "project_id": str(options.gitlab_project),
        "organization": options.organization,
    }
    trusts = (("ci-gitlab.tf", options.in_gitlab), ("ci-terraform-cloud.tf", options.in_cloud))
    trust = "".join(filled(template, fields) for template, wanted in trusts if wanted)
    return {**fields, "trust": trust}


def _pipeline_fields(options: InitOptions, fields: Fields) -> Fields:
    terraform = options.ci is CI.GITLAB
    stages = ("validate", "test", *(("plan", "dev") if terraform else ()), "uat", "prod")
    return {
        "flow_line": GITLAB_FLOW if terraform else SHARED_FLOW,
        "stages": ", ".join(stages),
        "python_image": PYTHON_IMAGE,
        "terraform_image": TERRAFORM_IMAGE,
        "jobs": _jobs(options, fields, terraform=terraform).rstrip("\n"),
    }


def _jobs(options: InitOptions, fields: Fields, *, terraform: bool) -> str:
    """The jobs that reach AWS. Those of dev start by themselves, the others by hand."""
    shared = {
        **fields,
        "state_variables": "" if options.state_bucket else GITLAB_STATE,
        "init": ' -backend-config="key=stagewright/$ENVIRONMENT.tfstate"' if options.state_bucket else "",
        "profiles": PROFILES if options.accounts is Accounts.ONE else "",
    }
    jobs = [filled("gitlab-aws.yml", shared)]
    if terraform:
        jobs.append(filled("gitlab-terraform.yml", shared))
    for source, environment in zip(("", *ENVIRONMENTS), ENVIRONMENTS, strict=False):
        own = {**shared, **_job_fields(options, environment, source)}
        if terraform:
            jobs.append(filled("gitlab-environment.yml", own))
        if source:
            jobs.append(filled("gitlab-promotion.yml", own))
    return "".join(jobs)


def _job_fields(options: InitOptions, environment: str, source: str) -> Mapping[str, str]:
    return {
        "environment": environment,
        "account": f"{environment.upper()}_ACCOUNT",
        "tier": TIERS[environment],
        "role": _role(options, environment),
        "source": source,
        "source_role": _role(options, source),
        "tested": ", " + ", ".join(("validate", "unit tests", "local run")) if not source else "",
        "planned": "if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH\n      " if source else "",
        "manual": "\n      when: manual\n      allow_failure: true" if source else "",
    }


def _role(options: InitOptions, environment: str) -> str:
    """The ARN of an environment's CI roles, up to the last part of their names."""
    account = f"${environment.upper()}_ACCOUNT"
    return f"arn:{options.partition}:iam::{account}:role/stagewright-ci/{options.prefix}-{environment}"
