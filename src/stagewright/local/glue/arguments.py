"""The arguments of a run, and those of them that Glue itself acts on.

"Using job parameters in AWS Glue jobs" (developer guide): a run's arguments override the job's
DefaultArguments, and the job's NonOverridableArguments override both. `sys.argv` has them all, also Glue's
own; of one without a value it has the name (as scripts have printed it on AWS).
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
"""Bytes of all arguments of a run (developer guide: 260KB)."""

VALUES = {
    "--job-language": ("python",),
    "--job-bookmark-option": ("job-bookmark-disable",),
    "library-set": ("analytics",),
    "--enable-auto-scaling": ("false",),
    "--enable-glue-datacatalog": ("false",),
}
"""Those that are understood with some values only."""
REFUSED = frozenset(
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
"""Glue acts on these; nothing here does. Those for monitoring and logs change no result, and pass."""


def resolved(job: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """What the script gets. InvalidInputException for what cannot be done here."""
    found = {**job.get("DefaultArguments", {}), **given, **job.get("NonOverridableArguments", {})}
    check(found)
    if not script_of(job, found).startswith("s3://"):
        raise invalid(f"the script is given by Command.ScriptLocation or {SCRIPT}, as s3://bucket/key")
    return found


def check(arguments: Mapping[str, str]) -> None:
    size = sum(len(name.encode()) + len(value.encode()) for name, value in arguments.items())
    if size > SIZE_LIMIT:
        raise invalid(f"the arguments are {size} bytes, over {SIZE_LIMIT}")
    for name, value in arguments.items():
        if name in REFUSED or value not in VALUES.get(name, (value,)):
            raise unsupported(f"the argument {name} {value}".rstrip())
    for uri in modules_of(arguments):
        if not uri.startswith("s3://") or not uri.endswith(MODULE_SUFFIXES):
            raise invalid(f"{MODULES}: {uri} is no S3 path of a file {', '.join(MODULE_SUFFIXES)}")
    for package in packages_of(arguments):
        if "://" in package or package.startswith(("-", ".", "/")):
            raise unsupported(f"{PACKAGES} {package}; give a wheel or zip on S3 with {MODULES}")


def script_of(job: Mapping[str, Any], arguments: Mapping[str, str]) -> str:
    return arguments.get(SCRIPT) or str(job["Command"].get("ScriptLocation", ""))


def modules_of(arguments: Mapping[str, str]) -> list[str]:
    return _listed(arguments, MODULES)


def packages_of(arguments: Mapping[str, str]) -> list[str]:
    """As pip takes them, `name==version`."""
    return _listed(arguments, PACKAGES)


def argv(arguments: Mapping[str, str]) -> list[str]:
    return [part for pair in arguments.items() for part in pair if part]


def _listed(arguments: Mapping[str, str], name: str) -> list[str]:
    return [part.strip() for part in arguments.get(name, "").split(",") if part.strip()]
