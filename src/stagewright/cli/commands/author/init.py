"""The repository has a folder for pipelines, Terraform files in infra/ and a CI configuration. It asks no
questions and contacts no service. To add a pipeline: cd DIR && stagewright new NAME --from train.py
"""

from __future__ import annotations

import secrets
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from stagewright.cli.commands.author import ci_problems, init_options, repository
from stagewright.cli.commands.author.init_options import CI, Accounts, Example, InitOptions
from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program, shell_path
from stagewright.cli.common.options import Json
from stagewright.errors import DocumentError, ReleaseError

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, or one that contains only .git.")]

PipelineOption = Annotated[
    str,
    typer.Option("--pipeline", metavar="NAME", help="Add an empty pipeline, or the example, by this name."),
]
ExampleOption = Annotated[
    Example | None, typer.Option("--example", help="Add an example that runs at once: its code and its data.")
]
CIOption = Annotated[
    CI,
    typer.Option(
        "--ci", help="The system that tests and runs Terraform. With both, Terraform runs in Terraform Cloud."
    ),
]
GitLabURL = Annotated[
    str, typer.Option("--gitlab-url", metavar="URL", help="Address of the GitLab server (CI_SERVER_URL).")
]
GitLabProject = Annotated[
    int, typer.Option("--gitlab-project", metavar="ID", help="Project ID in GitLab: Settings > General.")
]
Organization = Annotated[
    str, typer.Option("--organization", metavar="NAME", help="Organization in Terraform Cloud.")
]
SourceOption = Annotated[
    str,
    typer.Option("--source", metavar="URL", help="Git URL of Stagewright, or a folder with a clone."),
]
Modules = Annotated[
    str,
    typer.Option(
        "--modules",
        metavar="ADDRESS",
        help="Terraform modules in a private registry or a bucket, instead of Git. See docs/terraform.md.",
    ),
]
IndexURL = Annotated[
    str,
    typer.Option(
        "--index-url",
        metavar="URL",
        help="A package index that has Stagewright. The default is where this Stagewright came from.",
    ),
]
Ref = Annotated[str, typer.Option("--ref", metavar="TAG", help="Git tag of Stagewright.")]

AccountsOption = Annotated[
    Accounts, typer.Option("--accounts", help="Use one AWS account for dev, uat and prod, or three.")
]
Region = Annotated[str, typer.Option("--region", metavar="REGION", help="AWS region.")]
Prefix = Annotated[str, typer.Option("--prefix", metavar="PREFIX", help="Prefix of every resource name.")]
Bucket = Annotated[
    str,
    typer.Option(
        "--bucket",
        metavar="NAME",
        help="Existing buckets, with {environment} in the name. The default is to create them.",
    ),
]
StateBucket = Annotated[
    str,
    typer.Option("--state-bucket", metavar="NAME", help="Bucket of the Terraform state; else GitLab."),
]
Subnets = Annotated[
    list[str],
    typer.Option(
        "--subnet",
        metavar="ID",
        help="Subnet of functions, jobs, models and endpoints. Repeatable. For one environment: dev=ID.",
    ),
]
SecurityGroups = Annotated[
    list[str],
    typer.Option("--security-group", metavar="ID", help="Security group in these subnets. Repeatable."),
]
KmsKey = Annotated[
    list[str],
    typer.Option(
        "--kms-key",
        metavar="ARN",
        help="KMS key of stored data and of volumes and outputs of jobs. For one environment: dev=ARN.",
    ),
]
Boundary = Annotated[
    list[str],
    typer.Option(
        "--permissions-boundary",
        metavar="ARN",
        help="Permissions boundary of every role. For one environment: dev=ARN.",
    ),
]
DataBuckets = Annotated[
    list[str],
    typer.Option(
        "--data-bucket", metavar="NAME", help="Another bucket that pipelines read. Repeatable. Or dev=NAME."
    ),
]
OutputLocations = Annotated[
    list[str],
    typer.Option(
        "--output-location",
        metavar="URI",
        help="Another folder that jobs write to, such as s3://lake/predictions/. Repeatable. Or dev=URI.",
    ),
]
Tags = Annotated[
    list[str],
    typer.Option("--tag", metavar="KEY=VALUE", help="Tag of every resource and every job. Repeatable."),
]
Enforce = Annotated[
    bool,
    typer.Option(
        "--enforce-job-settings", help="Let IAM deny jobs without the VPC and the keys of the installation."
    ),
]


def command(
    folder: Folder,
    example: ExampleOption = None,
    pipeline: PipelineOption = InitOptions.pipeline,
    ci: CIOption = CI.GITLAB,
    accounts: AccountsOption = Accounts.ONE,
    region: Region = InitOptions.region,
    prefix: Prefix = InitOptions.prefix,
    bucket: Bucket = "",
    state_bucket: StateBucket = "",
    subnets: Subnets = [],  # noqa: B006 -- Typer copies it
    security_groups: SecurityGroups = [],  # noqa: B006
    kms_key: KmsKey = [],  # noqa: B006
    permissions_boundary: Boundary = [],  # noqa: B006
    data_buckets: DataBuckets = [],  # noqa: B006
    output_locations: OutputLocations = [],  # noqa: B006
    tags: Tags = [],  # noqa: B006
    enforce_job_settings: Enforce = False,
    source: SourceOption = InitOptions.source,
    ref: Ref = InitOptions.ref,
    modules: Modules = InitOptions.modules,
    index_url: IndexURL = InitOptions.index_url,
    gitlab_url: GitLabURL = InitOptions.gitlab_url,
    gitlab_project: GitLabProject = InitOptions.gitlab_project,
    organization: Organization = InitOptions.organization,
    as_json: Json = False,
) -> None:
    options = InitOptions(
        title=folder.resolve().name,
        bucket=bucket or f"{prefix}-{init_options.PLACEHOLDER}-{secrets.token_hex(3)}",
        existing_bucket=bool(bucket),
        pipeline=pipeline, example=example, ci=ci,
        accounts=accounts, region=region, prefix=prefix, state_bucket=state_bucket,
        subnets=tuple(subnets), security_groups=tuple(security_groups), kms_key=tuple(kms_key),
        permissions_boundary=tuple(permissions_boundary), data_buckets=tuple(data_buckets),
        output_locations=tuple(output_locations), tags=tuple(tags),
        enforce_job_settings=enforce_job_settings, source=source, ref=ref, modules=modules,
        index_url=index_url, gitlab_url=gitlab_url, gitlab_project=gitlab_project, organization=organization,
    )  # fmt: skip
    print_result(folder, options, create(folder, options), as_json)


def create(folder: Path, options: InitOptions) -> list[str]:
    """Create the repository and return its paths.

    DocumentError: lists every invalid option. ReleaseError: the folder cannot be used.
    """
    if problems := (*init_options.problems(options), *ci_problems.problems(options)):
        raise DocumentError(problems)
    require_empty(folder)
    files = repository.files(options)
    write(folder, files)
    return sorted(files)


def print_result(folder: Path, options: InitOptions, files: Sequence[str], as_json: bool) -> None:
    if as_json:
        output.print_json({"folder": str(folder.resolve()), "files": files})
    else:
        output.print_line(f"created {shell_path(folder)}: {output.counted(len(files), 'file')}")
        enter = "" if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
        name = options.first_pipeline
        command = f"run {name}" if name else "new NAME --from train.py"
        output.print_line(f"next: {enter}{program()} {command}")


def require_empty(folder: Path) -> None:
    remedy = "name a folder that does not exist, or one that contains only .git"
    if folder.exists() and not folder.is_dir():
        raise ReleaseError(f"{folder} is a file", remedy)
    names = sorted(path.name for path in folder.iterdir() if path.name != ".git") if folder.exists() else []
    if names:
        raise ReleaseError(
            f"{folder} is not empty: {', '.join(names[:3])}{' ...' * (len(names) > 3)}", remedy
        )


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files to a temporary folder and move them, so that a failure leaves no partial repository."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder if folder.exists() else folder.parent) as temporary:
            for path, content in files.items():
                file = Path(temporary, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            folder.mkdir(exist_ok=True)
            for entry in Path(temporary).iterdir():
                entry.rename(folder / entry.name)
    except OSError as error:
        raise ReleaseError(
            f"{folder} cannot be created: {error.strerror or error}", "name another folder"
        ) from None
