"""The options of `init`, and their checks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from stagewright import __version__
from stagewright.cli.commands.author import demo
from stagewright.errors import Problem
from stagewright.syntax.fields import PIPELINE_NAME

PLACEHOLDER = "{environment}"
DEFAULT_SOURCE = "https://gitlab.example.com/platform/stagewright.git"
DEFAULT_GITLAB = "https://gitlab.example.com"
DEFAULT_ORGANIZATION = "my-org"
PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
"""Beginning of a region's name -> its partition. All others are in `aws`."""

PREFIX = re.compile(r"[a-z][a-z0-9-]{0,19}")
REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d")
BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
"""The same patterns as in infra/variables.tf."""
FIELDS = {
    "--kms-key": "kms_key",
    "--permissions-boundary": "permissions_boundary",
    "--data-bucket": "data_buckets",
    "--output-location": "output_locations",
    "--tag": "tags",
}
FORMS = (
    (
        "--kms-key",
        re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+"),
        "arn:aws:kms:<region>:<account>:key/<id>",
    ),
    (
        "--permissions-boundary",
        re.compile(r"arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+"),
        "arn:aws:iam::<account>:policy/<name>",
    ),
    (
        "--data-bucket",
        re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
        "the name of the bucket, without s3://",
    ),
    (
        "--output-location",
        re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([\w.=/-]*/)?", re.ASCII),
        "a folder that ends in a slash: s3://<bucket>/ or s3://<bucket>/<folder>/",
    ),
    (
        "--tag",
        re.compile(r"(?!(?i:aws|stagewright):)[\w .:/+\-@]{1,128}=[\w .:/=+\-@]{0,256}"),
        "KEY=VALUE with letters, digits, spaces and _ . : / = + - @, and no key of aws: or stagewright:",
    ),
)
"""Option -> the form of its values."""
INDEX = re.compile(r"https?://[a-z0-9.-]+(:\d+)?(/[\w.~/-]*)?")
"""A package index. Credentials belong into pip's own configuration."""
REGISTRY_MODULE = re.compile(r"([a-z0-9.-]+(:\d+)?/)?[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/[a-z0-9]+")
"""Address of a module in a registry: <host>/<namespace>/<name>/<provider>."""
LONGEST_NAME = 40
ENVIRONMENTS = ("dev", "uat", "prod")
MARKS = tuple(f"{environment}=" for environment in ENVIRONMENTS)


class CI(StrEnum):
    GITLAB = "gitlab"
    TERRAFORM_CLOUD = "terraform-cloud"
    BOTH = "gitlab-and-terraform-cloud"


class Example(StrEnum):
    HOUSE_PRICE = demo.NAME


class Accounts(StrEnum):
    ONE = "one"
    THREE = "three"


@dataclass(frozen=True)
class InitOptions:
    """Options of `init`. `pipeline` is the name of the example, or of an empty pipeline. `bucket` contains
    `{environment}`. `source` is a Git URL or a folder. `index_url` is a package index with Stagewright.

    `subnets` and `security_groups` are set together. Their values, `kms_key`, `permissions_boundary`,
    `data_buckets` and `output_locations` may begin with `<environment>=`, and are then for that environment
    only. `tags` are `<key>=<value>`.
    """

    title: str
    bucket: str
    pipeline: str = ""
    example: Example | None = None
    ci: CI = CI.GITLAB
    accounts: Accounts = Accounts.ONE
    region: str = "us-east-1"
    prefix: str = "stagewright"
    existing_bucket: bool = False
    state_bucket: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    kms_key: tuple[str, ...] = ()
    permissions_boundary: tuple[str, ...] = ()
    data_buckets: tuple[str, ...] = ()
    output_locations: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    enforce_job_settings: bool = False
    source: str = DEFAULT_SOURCE
    ref: str = f"v{__version__}"
    modules: str = ""
    index_url: str = ""
    gitlab_url: str = DEFAULT_GITLAB
    gitlab_project: int = 0
    organization: str = DEFAULT_ORGANIZATION

    @property
    def first_pipeline(self) -> str:
        """Name of the only pipeline of the new repository, or ""."""
        return self.pipeline or (self.example.value if self.example else "")

    @property
    def in_gitlab(self) -> bool:
        """Whether jobs of GitLab validate, test and promote."""
        return self.ci is not CI.TERRAFORM_CLOUD

    @property
    def in_cloud(self) -> bool:
        """Whether Terraform Cloud plans and applies."""
        return self.ci is not CI.GITLAB

    @property
    def partition(self) -> str:
        return next((name for start, name in PARTITIONS.items() if self.region.startswith(start)), "aws")

    def enforces(self, environment: str) -> bool:
        """Whether IAM denies jobs without the settings of an environment: it needs a VPC or a key."""
        settings = (*values_of(self.subnets, environment), *values_of(self.kms_key, environment))
        return self.enforce_job_settings and bool(settings)

    def bucket_of(self, environment: str) -> str:
        return self.bucket.replace(PLACEHOLDER, environment)

    @property
    def is_checkout(self) -> bool:
        return self.source.startswith(("/", "./", "../"))

    @property
    def in_registry(self) -> bool:
        return bool(REGISTRY_MODULE.fullmatch(self.modules))

    def module(self, name: str, width: int = 0) -> str:
        """The lines of a `module` block that name its source.

        `name` is a folder in infra/modules; empty, the installation. `width` is the length of the longest
        argument of the block's first lines.
        """
        lines = {"source": self._address(name)}
        if self.in_registry:
            lines["version"] = self.ref.removeprefix("v")
        width = max(width, *map(len, lines))
        return "\n".join(f'  {argument:<{width}} = "{value}"' for argument, value in lines.items())

    def _address(self, name: str) -> str:
        inside = f"modules/{name}" if name else ""
        if self.modules:
            address, query, arguments = self.modules.partition("?")
            return f"{address}//{inside}".removesuffix("//") + query + arguments
        folder = f"infra/{inside}".rstrip("/")
        if self.is_checkout:
            return f"{Path(self.source).resolve()}//{folder}"
        return f"git::{self.source}//{folder}?ref={self.ref}"

    @property
    def package(self) -> str:
        return Path(self.source).resolve().as_uri() if self.is_checkout else f"git+{self.source}@{self.ref}"


def problems(options: InitOptions) -> Iterator[Problem]:
    """Every problem of the options."""
    if options.pipeline:
        yield from name_problems("--pipeline", options.pipeline)
    if not PREFIX.fullmatch(options.prefix):
        yield Problem(
            "--prefix",
            f"{options.prefix!r} is not a valid prefix",
            "use 1 to 20 lower-case letters, digits and hyphens, starting with a letter",
        )
    if not REGION.fullmatch(options.region):
        yield Problem("--region", f"{options.region!r} is not a region", "write a region such as us-east-1")
    yield from _bucket_problems(options)
    yield from _value_problems(options)
    if re.search(r"[\s\"\\$%]", options.source + options.ref + options.modules):
        yield Problem("--source", "must not contain blanks, quotes, backslashes, $ or %", "give a Git URL")
    yield from _index_problems(options)


def name_problems(option: str, name: str) -> Iterator[Problem]:
    """A problem if `name` cannot be a pipeline's."""
    if not re.fullmatch(PIPELINE_NAME, name) or len(name) > LONGEST_NAME:
        remedy = f"use at most {LONGEST_NAME} lower-case letters, digits and hyphens, starting with a letter"
        yield Problem(option, f"{name!r} is not a valid name", remedy)


def _index_problems(options: InitOptions) -> Iterator[Problem]:
    url = options.index_url
    if url and not INDEX.fullmatch(url):
        remedy = "write an address such as https://packages.example.com/simple, without a password"
        yield Problem("--index-url", f"{url!r} is not the address of a package index", remedy)
    if url and options.source != DEFAULT_SOURCE:
        yield Problem("--index-url", "--source names another origin", "leave one of them out")


def values_of(values: Iterable[str], environment: str) -> tuple[str, ...]:
    """Return the values for one environment: its own, marked `<environment>=`, or else those for all."""
    mark = f"{environment}="
    own = tuple(value.removeprefix(mark) for value in values if value.startswith(mark))
    return own or tuple(value for value in values if not value.startswith(MARKS))


def _value_problems(options: InitOptions) -> Iterator[Problem]:
    """Problems of the values that Terraform checks as well (infra/variables.tf)."""
    for environment in ENVIRONMENTS:
        subnets, groups = (
            values_of(values, environment) for values in (options.subnets, options.security_groups)
        )
        if bool(subnets) != bool(groups):
            yield Problem(
                "--subnet",
                f"subnets and security groups must be set together, in {environment} too",
                "add --security-group, or set neither",
            )
            break
    if options.enforce_job_settings and not any(map(options.enforces, ENVIRONMENTS)):
        yield Problem(
            "--enforce-job-settings",
            "there are no settings to enforce",
            "add --subnet and --security-group, or --kms-key",
        )
    for option, pattern, form in FORMS:
        for value in getattr(options, FIELDS[option]):
            if not pattern.fullmatch(value if option == "--tag" else value.removeprefix(_mark(value))):
                yield Problem(option, f"{value!r} is not valid", f"write {form}")
    for option in ("--kms-key", "--permissions-boundary"):
        values = getattr(options, FIELDS[option])
        if any(len(values_of(values, environment)) > 1 for environment in ENVIRONMENTS):
            remedy = f"for one environment, write {option} {ENVIRONMENTS[0]}=ARN"
            yield Problem(option, "is given twice for the same environment", remedy)


def _mark(value: str) -> str:
    return next((mark for mark in MARKS if value.startswith(mark)), "")


def _bucket_problems(options: InitOptions) -> Iterator[Problem]:
    if PLACEHOLDER not in options.bucket:
        yield Problem(
            "--bucket",
            "each environment needs a bucket of its own",
            f"put {PLACEHOLDER} into the name, for example {options.bucket}-{PLACEHOLDER}",
        )
    rule = "use 3 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends"
    for option, name in (("--bucket", options.bucket_of("prod")), ("--state-bucket", options.state_bucket)):
        if name and not BUCKET.fullmatch(name):
            yield Problem(option, f"{name!r} is not a valid bucket name", rule)
    if options.state_bucket and options.in_cloud:
        yield Problem("--state-bucket", "Terraform Cloud stores the state itself", "leave the option out")
