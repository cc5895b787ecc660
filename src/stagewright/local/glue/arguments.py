"""The arguments of a job run, including those that Glue itself acts on.

"Using job parameters in AWS Glue jobs" (developer guide): the arguments of a run override the job's
DefaultArguments, and the job's NonOverridableArguments override both. `sys.argv` contains all of them,
including Glue's own. An argument without a value is only its name there, as observed on AWS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.local.glue.protocol import invalid, unsupported

SCRIPT = "--scriptLocation"
MODULES = "--extra-py-files"
PACKAGES = "--additional-python-modules"
MODULE_SUFFIXES = (".py", ".zip", ".whl")
SIZE_LIMIT = 260_000
"""Total bytes of a run's arguments (developer guide: 260KB)."""

VALUES = {
    "--job-language": ("python",),
    "--job-bookmark-option": ("job-bookmark-disable",),
    "library-set": ("analytics",),
    "--enable-auto-scaling": ("false",),
    "--enable-glue-datacatalog": ("false",),
}
"""Arguments for which only some values are supported."""
UNSUPPORTED = frozenset(
    (
        "--class",
        "--conf",
        "--customer-driver-env-vars",
        "--customer-executor-env-vars",
        "--datalake-formats",
        "--debug",
        "--extra-files",
        "--extra-jars",
        "--job-bookmark-from",
        "--job-bookmark-to",
        "--JOB_NAME",
        "--mode",
        "--python-modules-installer-option",
        "--use-postgres-driver",
        "--user-jars-first",
        "--write-shuffle-files-to-s3",
    )
)
"""Arguments that Glue acts on and the local Glue does not. Arguments for monitoring and logs are ignored."""


def resolve(job: Mapping[str, Any], own: Mapping[str, str]) -> dict[str, str]:
    """Merge a run's own arguments with the job's. Raise InvalidInputException for unsupported ones."""
    arguments = {**job.get("DefaultArguments", {}), **own, **job.get("NonOverridableArguments", {})}
    check(arguments)
    if not script_of(job, arguments).startswith("s3://"):
        raise invalid(f"Command.ScriptLocation or {SCRIPT} must be the script as s3://bucket/key")
    return arguments


def check(arguments: Mapping[str, str]) -> None:
    """Raise InvalidInputException for arguments that are invalid or unsupported."""
    size = sum(len(name.encode()) + len(value.encode()) for name, value in arguments.items())
    if size > SIZE_LIMIT:
        raise invalid(f"the arguments are {size} bytes, over {SIZE_LIMIT}")
    for name, value in arguments.items():
        if name in UNSUPPORTED or value not in VALUES.get(name, (value,)):
            raise unsupported(f"the argument {name} {value}".rstrip())
    for uri in modules_of(arguments):
        if not uri.startswith("s3://") or not uri.endswith(MODULE_SUFFIXES):
            raise invalid(f"{MODULES}: {uri} is no S3 path of a file {', '.join(MODULE_SUFFIXES)}")
    for package in packages_of(arguments):
        if "://" in package or package.startswith(("-", ".", "/")):
            raise unsupported(f"{PACKAGES} {package}; use {MODULES} for a wheel or zip on S3")


def script_of(job: Mapping[str, Any], arguments: Mapping[str, str]) -> str:
    return arguments.get(SCRIPT) or str(job["Command"].get("ScriptLocation", ""))


def modules_of(arguments: Mapping[str, str]) -> list[str]:
    return _split(arguments, MODULES)


def packages_of(arguments: Mapping[str, str]) -> list[str]:
    """Return pip requirements, such as `name==version`."""
    return _split(arguments, PACKAGES)


def argv(arguments: Mapping[str, str]) -> list[str]:
    return [part for pair in arguments.items() for part in pair if part]


def _split(arguments: Mapping[str, str], name: str) -> list[str]:
    return [part.strip() for part in arguments.get(name, "").split(",") if part.strip()]
