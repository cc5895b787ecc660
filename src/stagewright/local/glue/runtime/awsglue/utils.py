"""The arguments of a script (developer guide, "Accessing parameters using getResolvedOptions")."""

from __future__ import annotations

import argparse
from typing import NoReturn

RESERVED = {
    "job-bookmark-option": "job-bookmark-disable",
    "job-bookmark-from": None,
    "job-bookmark-to": None,
    "continuation-option": None,
    "JOB_ID": None,
    "JOB_RUN_ID": None,
    "SECURITY_CONFIGURATION": None,
    "encryption-type": None,
    "enable-data-lineage": None,
}
"""Glue's own arguments and their defaults. A script must not request them."""
TEMPORARY = ("TempDir", "RedshiftTempDir")


class GlueArgumentError(Exception):
    pass


class GlueArgumentParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise GlueArgumentError(message)


def getResolvedOptions(args: list[str], options: list[str]) -> dict[str, str | None]:  # noqa: N802 -- as on AWS
    """Return the value of each option in `args` (sys.argv). Hyphens in names become underscores.

    Raises GlueArgumentError if an option is missing.
    """
    for option in options:
        if option in RESERVED:
            raise RuntimeError(f"Using reserved arguments --{option}")
    parser = GlueArgumentParser(allow_abbrev=False)
    for option, value in RESERVED.items():
        parser.add_argument(f"--{option}", default=value)
    for option in TEMPORARY:
        parser.add_argument(f"--{option}")
    for option in options:
        if option not in TEMPORARY:
            parser.add_argument(f"--{option}", required=True)
    values = vars(parser.parse_known_args(args[1:])[0])
    values.pop("continuation_option")
    folder = values["TempDir"] or values["RedshiftTempDir"]
    return {**values, **dict.fromkeys(TEMPORARY, folder)}
