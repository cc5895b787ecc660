"""The files that `init` writes: the templates with the options filled in, and the first pipeline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stagewright.cli.commands.author import ci_files, demo, package_source
from stagewright.cli.commands.author.init_options import (
    ENVIRONMENTS,
    Accounts,
    InitOptions,
    values_of,
)
from stagewright.cli.commands.author.repository_readme import readme_fields
from stagewright.scaffold.pipeline import NewPipeline, empty_pipeline
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
}
"""Path in the repository -> template."""
TESTS = {"tests/requirements.txt": "tests-requirements.txt", "tests/test_prepare.py": "test_prepare.py.txt"}
"""The tests of the example."""
OWN_TESTS = {"tests/requirements.txt": "own-tests-requirements.txt", "tests/test_code.py": "test_code.py.txt"}
"""The tests of a repository without the example."""


def files(options: InitOptions) -> dict[str, bytes]:
    """Path -> content of every file."""
    fields = _fields(options)
    templates = ALWAYS | (TESTS if options.example else OWN_TESTS)
    texts = {path: filled(template, fields) for path, template in templates.items()}
    texts["infra/backend.tf"] = filled(_backend(options), fields)
    texts["stagewright.toml"] = filled("stagewright.toml", fields)
    texts[SCHEMA] = _schema()
    for environment in ENVIRONMENTS:
        texts[f"infra/envs/{environment}.tfvars"] = _variables(options, environment)
    texts |= ci_files.files(options, fields)
    return {path: text.encode() for path, text in texts.items()} | dict(_pipelines(options))


def _fields(options: InitOptions) -> Fields:
    cloud = options.in_cloud
    shared = {
        "title": options.title,
        "pipeline": options.first_pipeline,
        "region": options.region,
        "module": options.module(""),
        "pipeline_module": options.module("pipeline", len("for_each")),
        "requirement": package_source.requirement(options),
        "home": options.source,
        "commit": "TFC_CONFIGURATION_VERSION_GIT_COMMIT_SHA" if cloud else "commit",
        "commit_from": "Terraform Cloud sets it" if cloud else "CI_COMMIT_SHA",
        "state_bucket": options.state_bucket,
        "state_name": "",
        "state_addresses": ". .gitlab-ci.yml sets the addresses (TF_HTTP_ADDRESS and the others).",
        "targets": "\n".join(_target(options, environment) for environment in ENVIRONMENTS).rstrip(),
    }
    return {**shared, **readme_fields(options)}


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


def _schema() -> str:
    from stagewright.document.json_schema import schema

    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _pipelines(options: InitOptions) -> Iterator[tuple[str, bytes]]:
    """The files in pipelines/: the example, an empty pipeline, or what keeps the folder in Git."""
    name = options.first_pipeline
    if options.example:
        yield from _example_named(name)
    elif name:
        new = NewPipeline(name, schema=f"../../{SCHEMA}")
        for path, content in empty_pipeline(new).contents.items():
            yield f"pipelines/{name}/{path}", content
    else:
        yield "pipelines/.gitkeep", b""


def _example_named(name: str) -> Iterator[tuple[str, bytes]]:
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
