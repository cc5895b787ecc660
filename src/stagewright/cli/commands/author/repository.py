"""The files of a user's repository: templates/, filled in with what was chosen, and the example."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template

from stagewright.cli.commands.author import demo
from stagewright.cli.commands.author.init_options import CI, DEFAULT_SOURCE, Accounts, Choices

ENVIRONMENTS = ("dev", "uat", "prod")
TEMPLATES = Path(__file__).parents[3] / "templates"
SCHEMA = "pipeline.schema.json"
LEFT_OUT = {"__pycache__", ".stagewright", ".DS_Store"}
WATCH = f"{demo.NAME}-watch"
"""A pipeline beside the example, which a new repository does not have."""

Fields = Mapping[str, str]

EVERYWHERE = {
    ".gitignore": "gitignore",
    ".pre-commit-config.yaml": "pre-commit-config.yaml",
    "README.md": "README.md",
    "requirements.txt": "requirements.txt",
    "infra/main.tf": "main.tf",
    "infra/variables.tf": "variables.tf",
    "tests/requirements.txt": "tests-requirements.txt",
    "tests/test_prepare.py": "test_prepare.py.txt",
}
"""Path in the repository -> template."""

GITLAB_STATE = """
    TF_HTTP_ADDRESS: $CI_API_V4_URL/projects/$CI_PROJECT_ID/terraform/state/$ENVIRONMENT
    TF_HTTP_LOCK_ADDRESS: $CI_API_V4_URL/projects/$CI_PROJECT_ID/terraform/state/$ENVIRONMENT/lock
    TF_HTTP_UNLOCK_ADDRESS: $CI_API_V4_URL/projects/$CI_PROJECT_ID/terraform/state/$ENVIRONMENT/lock
    TF_HTTP_LOCK_METHOD: POST
    TF_HTTP_UNLOCK_METHOD: DELETE
    TF_HTTP_USERNAME: gitlab-ci-token
    TF_HTTP_PASSWORD: $CI_JOB_TOKEN"""
"""Of Terraform's backend `http`, as GitLab documents them (GitLab-managed Terraform state)."""
SOURCE_ROLE = """
#   AWS_SOURCE_ROLE_ARN  of uat and prod: what `stagewright promote` reads the environment before with"""
PROFILES = """
    - export AWS_CONFIG_FILE=/tmp/aws-config
    - >
      printf '[profile %s]\\nrole_arn = %s\\nweb_identity_token_file = %s\\n'
      "$SOURCE" "$AWS_SOURCE_ROLE_ARN" "$AWS_WEB_IDENTITY_TOKEN_FILE"
      "$ENVIRONMENT" "$AWS_ROLE_ARN" "$AWS_WEB_IDENTITY_TOKEN_FILE" > "$AWS_CONFIG_FILE\""""
"""Each target of stagewright.toml has a profile: one job reads from one account and writes to another."""


class Text(Template):
    """With @{field}, since $ and % are Terraform's, the shell's and GitLab's. @@ is an @."""

    delimiter = "@"


def files(choices: Choices) -> dict[str, bytes]:
    """Path -> content."""
    fields = _fields(choices)
    texts = {path: _filled(template, fields) for path, template in EVERYWHERE.items()}
    texts["infra/backend.tf"] = _filled(_backend(choices), fields)
    texts["stagewright.toml"] = _filled("stagewright.toml", fields)
    texts[SCHEMA] = _schema()
    for environment in ENVIRONMENTS:
        texts[f"infra/envs/{environment}.tfvars"] = _variables(choices, environment)
    if choices.ci is CI.GITLAB:
        texts[".gitlab-ci.yml"] = _filled("gitlab-ci.yml", fields)
    return {path: text.encode() for path, text in texts.items()} | dict(_pipeline(choices.pipeline))


def _filled(template: str, fields: Fields) -> str:
    return Text((TEMPLATES / template).read_text(encoding="utf-8")).substitute(fields)


def _fields(choices: Choices) -> Fields:
    cloud = choices.ci is CI.TERRAFORM_CLOUD
    three = choices.accounts is Accounts.THREE
    shared = {
        "title": choices.title,
        "pipeline": choices.pipeline,
        "bucket_of_dev": choices.bucket_of(ENVIRONMENTS[0]),
        "region": choices.region,
        "module": choices.module("infra"),
        "pipeline_module": choices.module("infra/modules/pipeline"),
        "package": choices.package,
        "home": choices.source,
        "commit": "TFC_CONFIGURATION_VERSION_GIT_COMMIT_SHA" if cloud else "commit",
        "commit_from": "Terraform Cloud sets it" if cloud else "CI_COMMIT_SHA",
        "state_bucket": choices.state_bucket,
        "state_variables": "" if choices.state_bucket else GITLAB_STATE,
        "init": ' -backend-config="key=stagewright/$ENVIRONMENT.tfstate"' if choices.state_bucket else "",
        "profiles": PROFILES if three else "",
        "source_role": SOURCE_ROLE if three else "",
        "targets": "\n".join(_target(choices, environment) for environment in ENVIRONMENTS).rstrip(),
    }
    return {**shared, **_told(choices), "environments": _jobs(shared)}


def _backend(choices: Choices) -> str:
    if choices.ci is CI.TERRAFORM_CLOUD:
        return "backend-cloud.tf"
    return "backend-s3.tf" if choices.state_bucket else "backend-gitlab.tf"


def _jobs(fields: Fields) -> str:
    """GitLab's for each environment; all but the first wait for a person, and promote from the one before."""
    jobs = []
    for source, environment in zip(("", *ENVIRONMENTS), ENVIRONMENTS, strict=False):
        own = {
            **fields,
            "environment": environment,
            "source": source,
            "tested": ", " + ", ".join(("validate", "unit tests", "local run")) if not source else "",
            "manual": "\n      when: manual\n      allow_failure: true" if source else "",
        }
        jobs.append(_filled("gitlab-environment.yml", own))
        if source:
            jobs.append(_filled("gitlab-promotion.yml", own))
    return "".join(jobs).rstrip("\n")


def _variables(choices: Choices, environment: str) -> str:
    fields = {
        "environment": environment,
        "prefix": choices.prefix,
        "region": choices.region,
        "bucket": choices.bucket_of(environment),
        "create_bucket": json.dumps(not choices.existing_bucket),
        "push": json.dumps(environment == ENVIRONMENTS[0]),
    }
    return _filled("environment.tfvars", fields) + "".join(_more(choices, environment))


def _more(choices: Choices, environment: str) -> Iterator[str]:
    if choices.accounts is Accounts.THREE:
        yield f'\n# The account of {environment}, "111122223333": an apply in any other is refused.\n'
        yield "account_id = null\n"
    if choices.subnets:
        yield f"\nsubnet_ids         = {json.dumps(choices.subnets)}\n"
        yield f"security_group_ids = {json.dumps(choices.security_groups)}\n"


def _target(choices: Choices, environment: str) -> str:
    settings = {
        "environment": environment,
        "region": choices.region,
        "bucket": choices.bucket_of(environment),
    }
    if choices.prefix != "stagewright":
        settings["prefix"] = choices.prefix
    if choices.accounts is Accounts.THREE:
        settings["profile"] = environment
    lines = (f"{name} = {json.dumps(value)}" for name, value in settings.items())
    return "\n".join((f"[targets.{environment}]", *lines, ""))


def _told(choices: Choices) -> Fields:
    """What the README says of the choices."""
    cloud = choices.ci is CI.TERRAFORM_CLOUD
    return {
        "ci_row": "" if cloud else "\n| what CI does | `.gitlab-ci.yml` |",
        "steps": "\n".join(f"{number}. {step}" for number, step in enumerate(_steps(choices), 1)),
        "flow": CLOUD_FLOW if cloud else GITLAB_FLOW,
    }


def _steps(choices: Choices) -> Iterator[str]:
    """What there is to do before the first apply, in order."""
    if choices.source == DEFAULT_SOURCE:
        yield SOURCE
    yield f"Look through `infra/envs/`: {ACCOUNTS if choices.accounts is Accounts.THREE else VALUES}."
    if choices.existing_bucket:
        yield BUCKETS
    yield CLOUD_CREDENTIALS if choices.ci is CI.TERRAFORM_CLOUD else GITLAB_CREDENTIALS
    yield "`terraform -chdir=infra init -backend=false` once, and commit `infra/.terraform.lock.hcl`."


VALUES = "the names are yours, and nothing in them is secret"
ACCOUNTS = "put the account of each environment into `account_id`"
SOURCE = (
    f"Put your Stagewright's address for `{DEFAULT_SOURCE}` in `requirements.txt`, before pip reads it,"
    " and in `infra/main.tf`."
)
BUCKETS = (
    "The buckets exist: each needs versioning and EventBridge (docs/terraform.md of Stagewright says how)."
)
GITLAB_CREDENTIALS = "Let GitLab into AWS, without stored keys: docs/gitlab.md of Stagewright."
CLOUD_CREDENTIALS = (
    "Let Terraform Cloud into AWS, without stored keys: docs/terraform-cloud.md of Stagewright."
)
GITLAB_FLOW = """\
A merge request is validated, tested, run whole on the runner, and shows what Terraform would change. Merged,
it is applied to dev, which starts the run of every pipeline that changed; uat and prod are applied, and
promoted to, by hand."""
CLOUD_FLOW = """\
A merge request shows what Terraform would change. Merged, the workspace of dev applies it, which starts the
run of every pipeline that changed; those of uat and prod wait for somebody to confirm."""


def _schema() -> str:
    from stagewright.document.json_schema import schema

    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _pipeline(name: str) -> Iterator[tuple[str, bytes]]:
    """The example under the name that was asked for, and what differs in uat and prod."""
    place = f"pipelines/{name}"
    for path, content in _example():
        if "/" not in path and path.endswith((".yaml", ".md")):
            content = _renamed(content.decode(), name).encode()
        yield f"{place}/{path}", content
    for environment in ENVIRONMENTS[1:]:
        yield f"{place}/environments/{environment}.yaml", (TEMPLATES / f"{environment}.yaml").read_bytes()


def _renamed(text: str, name: str) -> str:
    text = "".join(line for line in text.splitlines(keepends=True) if WATCH not in line)
    text = text.replace(f"examples/{demo.NAME}", f"pipelines/{demo.NAME}").replace(demo.NAME, name)
    return text.replace(f"../../docs/{SCHEMA}", f"../../{SCHEMA}")


def _example() -> Iterator[tuple[str, bytes]]:
    folder = next(place for place in (demo.CHECKOUT, demo.PACKAGED) if (place / "pipeline.yaml").is_file())
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not LEFT_OUT & set(inside.parts):
            yield inside.as_posix(), path.read_bytes()
