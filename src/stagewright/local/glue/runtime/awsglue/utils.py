"""A script's arguments, as the developer guide says ("Accessing parameters using getResolvedOptions")."""

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
"""Glue's own, with what stands for them where they are not given: a script may not ask for them."""
TEMPORARY = ("TempDir", "RedshiftTempDir")


class GlueArgumentError(Exception):
    pass


class GlueArgumentParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise GlueArgumentError(message)


def getResolvedOptions(args: list[str], options: list[str]) -> dict[str, str | None]:  # noqa: N802 -- as on AWS
    """The value of each option in `args` (sys.argv). A hyphen in a name is an underscore in the answer.

    GlueArgumentError where one is missing.
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
    found = vars(parser.parse_known_args(args[1:])[0])
    found.pop("continuation_option")
    place = found["TempDir"] or found["RedshiftTempDir"]
    return {**found, **dict.fromkeys(TEMPORARY, place)}
