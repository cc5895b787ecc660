"""With an example pipeline, infra/ for Terraform, and what CI needs. It asks nothing and contacts nobody; the
pipeline runs on this machine at once: cd DIR, stagewright run house-price.
"""

from __future__ import annotations

import secrets
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from stagewright.cli.commands.author import init_options, repository
from stagewright.cli.commands.author.init_options import CI, Accounts, Choices
from stagewright.cli.common import output
from stagewright.cli.common.command_hints import program, shell_path
from stagewright.cli.common.options import Json
from stagewright.errors import DocumentError, ReleaseError

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is new, or empty but for .git.")]

PipelineOption = Annotated[
    str,
    typer.Option("--pipeline", metavar="NAME", help="Name of its first pipeline, the house price example."),
]
CIOption = Annotated[CI, typer.Option("--ci", help="Who plans and applies.")]
SourceOption = Annotated[
    str, typer.Option("--source", metavar="URL", help="Stagewright's Git repository, or a folder with it.")
]
Ref = Annotated[str, typer.Option("--ref", metavar="TAG", help="Its version.")]

AccountsOption = Annotated[
    Accounts, typer.Option("--accounts", help="Whether dev, uat and prod share one account.")
]
Region = Annotated[str, typer.Option("--region", metavar="REGION", help="Region on AWS.")]
Prefix = Annotated[str, typer.Option("--prefix", metavar="PREFIX", help="Begins the name of every resource.")]
Bucket = Annotated[
    str,
    typer.Option(
        "--bucket",
        metavar="NAME",
        help="Buckets that exist, with {environment} in the name; else they are made.",
    ),
]
StateBucket = Annotated[
    str,
    typer.Option("--state-bucket", metavar="NAME", help="Bucket of Terraform's state; else GitLab keeps it."),
]
Subnets = Annotated[
    list[str], typer.Option("--subnet", metavar="ID", help="Put the functions into a VPC; repeatable.")
]
SecurityGroups = Annotated[
    list[str], typer.Option("--security-group", metavar="ID", help="Theirs in the VPC; repeatable.")
]


def command(
    folder: Folder,
    pipeline: PipelineOption = Choices.pipeline,
    ci: CIOption = CI.GITLAB,
    accounts: AccountsOption = Accounts.ONE,
    region: Region = Choices.region,
    prefix: Prefix = Choices.prefix,
    bucket: Bucket = "",
    state_bucket: StateBucket = "",
    subnets: Subnets = [],  # noqa: B006 -- Typer copies it
    security_groups: SecurityGroups = [],  # noqa: B006
    source: SourceOption = Choices.source,
    ref: Ref = Choices.ref,
    as_json: Json = False,
) -> None:
    chosen = Choices(
        title=folder.resolve().name,
        bucket=bucket or f"{prefix}-{init_options.PLACEHOLDER}-{secrets.token_hex(3)}",
        existing_bucket=bool(bucket),
        pipeline=pipeline, ci=ci, accounts=accounts, region=region, prefix=prefix, state_bucket=state_bucket,
        subnets=tuple(subnets), security_groups=tuple(security_groups), source=source, ref=ref,
    )  # fmt: skip
    report(folder, chosen, make(folder, chosen), as_json)


def make(folder: Path, chosen: Choices) -> list[str]:
    """The files' paths. DocumentError for all choices that are wrong; ReleaseError where the folder is."""
    if wrong := tuple(init_options.problems(chosen)):
        raise DocumentError(wrong)
    require_empty(folder)
    files = repository.files(chosen)
    write(folder, files)
    return sorted(files)


def report(folder: Path, chosen: Choices, files: Sequence[str], as_json: bool) -> None:
    if as_json:
        output.print_json({"folder": str(folder.resolve()), "files": files})
    else:
        output.print_line(f"made {shell_path(folder)}: {output.counted(len(files), 'file')}")
        output.print_line(f"next: cd {shlex.quote(str(folder))} && {program()} run {chosen.pipeline}")


def require_empty(folder: Path) -> None:
    remedy = "name a folder that does not exist, or one that holds nothing but .git"
    if folder.exists() and not folder.is_dir():
        raise ReleaseError(f"{folder} is a file", remedy)
    found = sorted(path.name for path in folder.iterdir() if path.name != ".git") if folder.exists() else []
    if found:
        raise ReleaseError(
            f"{folder} is not empty: {', '.join(found[:3])}{' ...' * (len(found) > 3)}", remedy
        )


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Elsewhere first and then moved there, so that what fails leaves nothing half-made."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder if folder.exists() else folder.parent) as made:
            for path, content in files.items():
                place = Path(made, path)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
            folder.mkdir(exist_ok=True)
            for entry in Path(made).iterdir():
                entry.rename(folder / entry.name)
    except OSError as error:
        raise ReleaseError(
            f"{folder} cannot be made: {error.strerror or error}", "name another folder"
        ) from None
