"""The parts of a new repository's README that depend on the options of `init`."""

from __future__ import annotations

from collections.abc import Iterator

from stagewright import __version__
from stagewright.cli.commands.author import package_source
from stagewright.cli.commands.author.init_options import (
    CI,
    DEFAULT_SOURCE,
    ENVIRONMENTS,
    Accounts,
    InitOptions,
)
from stagewright.scaffold.template_text import Fields


def readme_fields(options: InitOptions) -> Fields:
    """Fields of the README that depend on the options."""
    flows = {CI.GITLAB: GITLAB_FLOW, CI.TERRAFORM_CLOUD: CLOUD_FLOW, CI.BOTH: SHARED_FLOW}
    name = options.first_pipeline or "NAME"
    data = "data/ames_house_sales.csv" if options.example else "data/ --recursive"
    bucket = options.bucket_of(ENVIRONMENTS[0])
    return {
        "install_comment": REPLACE_FIRST
        if DEFAULT_SOURCE in package_source.requirement(options)
        else INSTALL,
        "first_commands": (FIRST_COMMANDS if options.first_pipeline else NEW_COMMANDS).format(name),
        "copy_data": f"aws s3 cp pipelines/{name}/{data} s3://{bucket}/raw/{name}/",
        "promoted": name,
        "ci_row": "\n| what GitLab does | `.gitlab-ci.yml` |" if options.in_gitlab else "",
        "steps": "\n".join(f"{number}. {step}" for number, step in enumerate(_steps(options), 1)),
        "flow": flows[options.ci],
    }


def _steps(options: InitOptions) -> Iterator[str]:
    """The steps before the first apply, in order."""
    if options.source == DEFAULT_SOURCE:
        yield from _source_steps(options)
    yield f"Look through `infra/envs/`: {ACCOUNTS if options.accounts is Accounts.THREE else VALUES}."
    if options.existing_bucket:
        yield BUCKETS
    if options.in_gitlab:
        yield GITLAB_PROJECT
        yield GITLAB_SETTINGS
    if options.in_cloud:
        yield CLOUD_WORKSPACES
    yield CI_ROLES


def _source_steps(options: InitOptions) -> Iterator[str]:
    """What to do about addresses that `init` cannot know."""
    requirement = package_source.requirement(options)
    if DEFAULT_SOURCE in requirement:
        yield CHECKOUT_SOURCE
        return
    if "file:" in requirement:
        yield WHEEL_SOURCE
    if not options.modules:
        yield MODULES_SOURCE


REPLACE_FIRST = "first write the address of your Stagewright into this file"
INSTALL = "Stagewright, from the address in the file"
FIRST_COMMANDS = """\
stagewright run {0}      # with no AWS account
stagewright plan {0}     # what the next run would do, and why"""
NEW_COMMANDS = """\
stagewright new NAME --from train.py   # a pipeline of your training script
stagewright run NAME                   # with no AWS account"""
VALUES = "change the names as you like; they contain no secrets"
ACCOUNTS = "set `account_id` of each environment"
CHECKOUT_SOURCE = (
    f"Replace `{DEFAULT_SOURCE}` with the address of your Stagewright: in `requirements.txt`,"
    " before you install it with pip, and in `infra/main.tf`."
)
WHEEL_SOURCE = (
    "`requirements.txt` names a file of this machine. For CI, publish the wheel to a package index, and write"
    f" `--index-url URL` and `stagewright[all]=={__version__}` (see docs/publishing.md of Stagewright)."
)
MODULES_SOURCE = (
    f"Replace `{DEFAULT_SOURCE}` in `infra/main.tf` and `infra/ci/main.tf` with the address of the Terraform"
    " modules (see docs/publishing.md of Stagewright)."
)
BUCKETS = "Turn on versioning and EventBridge for each bucket (see docs/terraform.md of Stagewright)."
GITLAB_PROJECT = (
    "Set `url` and `project_id` of GitLab in `infra/ci/main.tf`, and the accounts in `.gitlab-ci.yml`."
)
GITLAB_SETTINGS = (
    "Protect the default branch and the environments, and choose the token's subject (see docs/gitlab.md of"
    " Stagewright)."
)
CLOUD_WORKSPACES = (
    "Set the organization in `infra/ci/main.tf`, and create the workspaces (see docs/terraform-cloud.md of"
    " Stagewright)."
)
CI_ROLES = (
    "Apply `infra/ci` for each environment as an administrator: it creates the roles that CI assumes"
    " (see docs/ci-roles.md of Stagewright). No key is stored."
)
GITLAB_FLOW = """\
For a merge request, CI validates the documents, runs the tests and the pipelines on the runner, and shows the
Terraform plan. After the merge, CI applies it to dev, which starts a run of every pipeline that changed. You
apply and promote to uat and prod by hand."""
CLOUD_FLOW = """\
A merge request shows the Terraform plan. After the merge, the workspace of dev applies it, which starts a run
of every pipeline that changed. The workspaces of uat and prod wait for a confirmation."""
SHARED_FLOW = """\
For a merge request, GitLab validates the documents and runs the tests and the pipelines on the runner, and
Terraform Cloud shows the plan of dev. After the merge, the workspace of dev applies it, which starts a run of
every pipeline that changed. The workspaces of uat and prod wait for a confirmation. You promote by hand, in
GitLab."""
