"""What `init` is told, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from stagewright import __version__
from stagewright.cli.commands.author import demo
from stagewright.errors import Problem
from stagewright.syntax.fields import PIPELINE_NAME

PLACEHOLDER = "{environment}"
DEFAULT_SOURCE = "https://gitlab.example.com/platform/stagewright.git"

PREFIX = re.compile(r"[a-z][a-z0-9-]{0,19}")
REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d")
BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
"""As infra/variables.tf has them."""
LONGEST_NAME = 40


class CI(StrEnum):
    GITLAB = "gitlab"
    TERRAFORM_CLOUD = "terraform-cloud"


class Accounts(StrEnum):
    ONE = "one"
    THREE = "three"


@dataclass(frozen=True)
class Choices:
    """`bucket` holds `{environment}`. `subnets` and `security_groups`: both, or neither. `source`: a Git URL,
    or a folder.
    """

    title: str
    bucket: str
    pipeline: str = demo.NAME
    ci: CI = CI.GITLAB
    accounts: Accounts = Accounts.ONE
    region: str = "us-east-1"
    prefix: str = "stagewright"
    existing_bucket: bool = False
    state_bucket: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    source: str = DEFAULT_SOURCE
    ref: str = f"v{__version__}"

    def bucket_of(self, environment: str) -> str:
        return self.bucket.replace(PLACEHOLDER, environment)

    @property
    def is_checkout(self) -> bool:
        return self.source.startswith(("/", "./", "../"))

    def module(self, folder: str) -> str:
        """The address of a Terraform module: the whole repository is fetched, then `folder` of it taken."""
        if self.is_checkout:
            return f"{Path(self.source).resolve()}//{folder}"
        return f"git::{self.source}//{folder}?ref={self.ref}"

    @property
    def package(self) -> str:
        return Path(self.source).resolve().as_uri() if self.is_checkout else f"git+{self.source}@{self.ref}"


def problems(choices: Choices) -> Iterator[Problem]:
    """Everything that is wrong with them."""
    if not re.fullmatch(PIPELINE_NAME, choices.pipeline) or len(choices.pipeline) > LONGEST_NAME:
        yield Problem(
            "--pipeline",
            f"{choices.pipeline!r} is not usable as a name",
            f"lower-case letters, digits and hyphens, a letter first, at most {LONGEST_NAME}",
        )
    if not PREFIX.fullmatch(choices.prefix):
        yield Problem(
            "--prefix",
            f"{choices.prefix!r} is not usable",
            "1 to 20 lower-case letters, digits and hyphens, a letter first",
        )
    if not REGION.fullmatch(choices.region):
        yield Problem("--region", f"{choices.region!r} is no region", "write it as in us-east-1")
    yield from _bucket_problems(choices)
    if bool(choices.subnets) != bool(choices.security_groups):
        yield Problem(
            "--subnet", "subnets and security groups go together", "give --security-group too, or neither"
        )
    if re.search(r"[\s\"\\$%]", choices.source + choices.ref):
        yield Problem(
            "--source", "blanks, quotes, backslashes, $ and % have no place in it", "give a Git URL"
        )


def _bucket_problems(choices: Choices) -> Iterator[Problem]:
    if PLACEHOLDER not in choices.bucket:
        yield Problem(
            "--bucket",
            "each environment needs a bucket of its own",
            f"write {PLACEHOLDER} where the environment's name stands, as in {choices.bucket}-{PLACEHOLDER}",
        )
    rule = "3 to 63 lower-case letters, digits and hyphens, a letter or digit at both ends"
    for option, name in (("--bucket", choices.bucket_of("prod")), ("--state-bucket", choices.state_bucket)):
        if name and not BUCKET.fullmatch(name):
            yield Problem(option, f"{name!r} is not usable as a bucket name", rule)
    if choices.state_bucket and choices.ci is CI.TERRAFORM_CLOUD:
        yield Problem("--state-bucket", "Terraform Cloud keeps the state itself", "leave it out")
