"""Where this user's real AWS accounts are kept: what a job in namespaces finds empty."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

CARRIED = "STAGEWRIGHT_ACCOUNT_FILES"
"""Tells a server, which gets none of the AWS variables, what those of the user's shell named."""
VARIABLES = ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE")


def carried(environment: Mapping[str, str]) -> dict[str, str]:
    named = [environment[name] for name in VARIABLES if environment.get(name)]
    paths = [*filter(None, [environment.get(CARRIED)]), *(str(Path(path).expanduser()) for path in named)]
    return {CARRIED: os.pathsep.join(paths)} if paths else {}


def account_files() -> list[str]:
    """Those that are there: `.aws` of the home, by HOME and by the user database, and what is named."""
    homes = {os.path.expanduser("~"), _home()}  # noqa: PTH111 -- Path.home() fails where there is none
    named = carried(os.environ).get(CARRIED, "").split(os.pathsep)
    paths = dict.fromkeys([*(f"{home}/.aws" for home in sorted(homes)), *named])
    return [path for path in paths if os.path.exists(path)]  # noqa: PTH110 -- no error where it is forbidden


def _home() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # a container's user without an entry
        return "/"
