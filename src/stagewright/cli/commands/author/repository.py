"""The files that `init` writes: the templates with the options filled in, and the example."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stagewright.cli.commands.author import ci_files, demo
from stagewright.cli.commands.author.init_options import (
    CI,
    DEFAULT_SOURCE,
    ENVIRONMENTS,
    Accounts,
    InitOptions,
    values_of,
)
from stagewright.scaffold.template_text import TEMPLATES, Fields, filled

SCHEMA = "pipeline.schema.json"
LEFT_OUT = {"__pycache__", ".stagewright", ".DS_Store"}
WATCH = f"{demo.NAME}-watch"
"""An example pipeline that a new repository does not include."""

ALWAYS = {
    ".gitignore": "gitignore",
    ".pre-commit-config.yaml": "pre-commit-config.yaml",
    "README.md": "README.md",
    "requirements.txt": "requirements.txt",
    "infra/.terraform.lock.hcl": "terraform.lock.hcl",
    "infra/main.tf": "main.tf",
    "infra/variables.tf": "variables.tf",
    "tests/requirements.txt": "tests-requirements.txt",
    "tests/test_prepare.py": "test_prepare.py.txt",
}
"""Path in the repository -> template."""


def files(options: InitOptions) -> dict[str, bytes]:
    """Path -> content of every file."""
    fields = _fields(options)
    texts = {path: filled(template, fields) for path, template in ALWAYS.items()}
    texts["infra/backend.tf"] = filled(_backend(options), fields)
    texts["stagewright.toml"] = filled("stagewright.toml", fields)
    texts[SCHEMA] = _schema()
    for environment in ENVIRONMENTS:
        texts[f"infra/envs/{environment}.tfvars"] = _variables(options, environment)
    texts |= ci_files.files(options, fields)
    return {path: text.encode() for path, text in texts.items()} | dict(_pipeline(options.pipeline))


def _fields(options: InitOptions) -> Fields:
    cloud = options.in_cloud
    shared = {
        "title": options.title,
        "pipeline": options.pipeline,
        "bucket_of_dev": options.bucket_of(ENVIRONMENTS[0]),
        "region": options.region,
        "module": options.module(""),
        "pipeline_module": options.module("pipeline", len("for_each")),
        "package": options.package,
        "home": options.source,
        "commit": "TFC_CONFIGURATION_VERSION_GIT_COMMIT_SHA" if cloud else "commit",
        "commit_from": "Terraform Cloud sets it" if cloud else "CI_COMMIT_SHA",
        "state_bucket": options.state_bucket,
        "state_name": "",
        "state_addresses": ". .gitlab-ci.yml sets the addresses (TF_HTTP_ADDRESS and the others).",
        "targets": "\n".join(_target(options, environment) for environment in ENVIRONMENTS).rstrip(),
    }
    return {**shared, **_readme_fields(options)}


def _backend(options: InitOptions) -> str:
    if options.in_cloud:
        return "backend-cloud.tf"
    return "backend-s3.tf" if options.state_bucket else "backend-gitlab.tf"


def _variables(options: InitOptions, environment: str) -> str:
    fields = {
        "environment": environment,
        "prefix": options.prefix,
        "region": options.region,
        "bucket": options.bucket_of(environment),
        "create_bucket": json.dumps(not options.existing_bucket),
        "push": json.dumps(environment == ENVIRONMENTS[0]),
    }
    return filled("environment.tfvars", fields) + "".join(_more(options, environment))


def _more(options: InitOptions, environment: str) -> Iterator[str]:
    if options.accounts is Accounts.THREE:
        yield f'\n# The account of {environment}, "111122223333": an apply in another account is rejected.\n'
        yield "account_id = null\n"
    subnets, groups = values_of(options.subnets, environment), values_of(options.security_groups, environment)
    if subnets:
        yield "\n# Functions, jobs, models and endpoints run in this VPC.\n"
        yield _attributes(
            subnet_ids=subnets,
            security_group_ids=groups,
            job_subnet_ids=subnets,
            job_security_group_ids=groups,
        )
    if key := "".join(values_of(options.kms_key, environment)):
        yield "\n# The key of stored data, volumes and outputs. Its policy: the output kms_key_statements.\n"
        yield _attributes(kms_key_arn=key)
    if options.enforces(environment):
        yield "\n# IAM denies jobs, models and endpoints without these settings.\n"
        yield _attributes(enforce_job_settings=True)
    own = {
        "permissions_boundary": "".join(values_of(options.permissions_boundary, environment)),
        "data_buckets": values_of(options.data_buckets, environment),
        "output_locations": values_of(options.output_locations, environment),
        "tags": dict(tag.split("=", 1) for tag in options.tags),
    }
    yield from (f"\n{_attributes(**{name: value})}" for name, value in own.items() if value)


def _attributes(**values: Any) -> str:
    """Return attributes as `terraform fmt` writes them."""
    width = max(map(len, values))
    return "".join(f"{name:{width}} = {_literal(value)}\n" for name, value in values.items())


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{_literal(key)} = {_literal(item)}" for key, item in value.items())
        return f"{{ {inner} }}"
    return json.dumps(value, ensure_ascii=False)


def _target(options: InitOptions, environment: str) -> str:
    settings = {
        "environment": environment,
        "region": options.region,
        "bucket": options.bucket_of(environment),
    }
    if options.prefix != "stagewright":
        settings["prefix"] = options.prefix
    if options.accounts is Accounts.THREE:
        settings["profile"] = environment
    lines = (f"{name} = {json.dumps(value)}" for name, value in settings.items())
    return "\n".join((f"[targets.{environment}]", *lines, ""))


def _readme_fields(options: InitOptions) -> Fields:
    """Fields of the README that depend on the options."""
    flows = {CI.GITLAB: GITLAB_FLOW, CI.TERRAFORM_CLOUD: CLOUD_FLOW, CI.BOTH: SHARED_FLOW}
    return {
        "ci_row": "\n| what GitLab does | `.gitlab-ci.yml` |" if options.in_gitlab else "",
        "steps": "\n".join(f"{number}. {step}" for number, step in enumerate(_steps(options), 1)),
        "flow": flows[options.ci],
    }


def _steps(options: InitOptions) -> Iterator[str]:
    """The steps before the first apply, in order."""
    if options.source == DEFAULT_SOURCE:
        yield SOURCE
    yield f"Look through `infra/envs/`: {ACCOUNTS if options.accounts is Accounts.THREE else VALUES}."
    if options.existing_bucket:
        yield BUCKETS
    if options.in_gitlab:
        yield GITLAB_PROJECT
        yield GITLAB_SETTINGS
    if options.in_cloud:
        yield CLOUD_WORKSPACES
    yield CI_ROLES


VALUES = "change the names as you like; they contain no secrets"
ACCOUNTS = "set `account_id` of each environment"
SOURCE = (
    f"Replace `{DEFAULT_SOURCE}` with the address of your Stagewright: in `requirements.txt`,"
    " before you install it with pip, and in `infra/main.tf`."
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


def _schema() -> str:
    from stagewright.document.json_schema import schema

    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _pipeline(name: str) -> Iterator[tuple[str, bytes]]:
    """The example with its new name, and the overlays of uat and prod."""
    folder = f"pipelines/{name}"
    for path, content in _example():
        if "/" not in path and path.endswith((".yaml", ".md")):
            content = _renamed(content.decode(), name).encode()
        yield f"{folder}/{path}", content
    for environment in ENVIRONMENTS[1:]:
        yield f"{folder}/environments/{environment}.yaml", (TEMPLATES / f"{environment}.yaml").read_bytes()


def _renamed(text: str, name: str) -> str:
    text = "".join(line for line in text.splitlines(keepends=True) if WATCH not in line)
    text = text.replace(f"examples/{demo.NAME}", f"pipelines/{demo.NAME}").replace(demo.NAME, name)
    return text.replace(f"../../docs/{SCHEMA}", f"../../{SCHEMA}")


def _example() -> Iterator[tuple[str, bytes]]:
    folder = next(path for path in (demo.CHECKOUT, demo.PACKAGED) if (path / "pipeline.yaml").is_file())
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not LEFT_OUT & set(inside.parts):
            yield inside.as_posix(), path.read_bytes()
