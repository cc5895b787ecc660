"""Checks of the options of `init` for GitLab, Terraform Cloud and the address of the Terraform modules."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stagewright.cli.commands.author.init_options import DEFAULT_GITLAB, DEFAULT_ORGANIZATION, InitOptions
from stagewright.errors import Problem

ARCHIVE = re.compile(r"(s3::|gcs::)?https?://\S+\.(tar\.gz|tgz|zip)(\?\S*)?")
GITLAB = re.compile(r"https://[a-z0-9.-]+(/[A-Za-z0-9._-]+)*")
"""The URL of an identity provider. It has no port (IAM API reference, CreateOpenIDConnectProvider)."""
ORGANIZATION = re.compile(r"[A-Za-z0-9_-]{3,40}")


def problems(options: InitOptions) -> Iterator[Problem]:
    """Every problem of these options."""
    if not GITLAB.fullmatch(options.gitlab_url):
        yield Problem(
            "--gitlab-url",
            f"{options.gitlab_url!r} is not the address of a GitLab server",
            "write an address such as https://gitlab.example.com, without a port or a slash at its end",
        )
    if options.gitlab_project < 0:
        yield Problem("--gitlab-project", "must be a number above 0", "copy it from Settings > General")
    if not ORGANIZATION.fullmatch(options.organization):
        yield Problem(
            "--organization",
            f"{options.organization!r} is not the name of a Terraform Cloud organization",
            "use 3 to 40 letters, digits, hyphens and underscores",
        )
    unused = {
        "--gitlab-url": options.gitlab_url != DEFAULT_GITLAB and not options.in_gitlab,
        "--gitlab-project": bool(options.gitlab_project) and not options.in_gitlab,
        "--organization": options.organization != DEFAULT_ORGANIZATION and not options.in_cloud,
    }
    for option, is_unused in unused.items():
        if is_unused:
            yield Problem(option, f"--ci {options.ci} does not use it", "leave the option out")
    if options.modules and not (options.in_registry or ARCHIVE.fullmatch(options.modules)):
        yield Problem(
            "--modules",
            f"{options.modules!r} is neither a module of a registry nor an archive",
            "write app.terraform.io/acme/stagewright/aws, or s3::https://.../stagewright-terraform-0.1.0.tar.gz",
        )
