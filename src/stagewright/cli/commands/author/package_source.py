"""How a new repository installs Stagewright: from the options of `init`, else as this installation was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from stagewright import __version__
from stagewright.cli.commands.author.init_options import DEFAULT_SOURCE, InitOptions

NAME = "stagewright[all]"


def requirement(options: InitOptions) -> str:
    """The lines of requirements.txt."""
    if options.index_url:
        return f"--index-url {options.index_url}\n{NAME}=={__version__}"
    if options.source != DEFAULT_SOURCE:
        return f"{NAME} @ {options.package}"
    return installed_requirement() or f"{NAME} @ {options.package}"


def installed_requirement() -> str:
    """The requirement that installs this Stagewright again. Empty: it was installed from a folder.

    An installer records a source that is not an index in direct_url.json (PEP 610).
    """
    recorded = metadata.distribution("stagewright").read_text("direct_url.json")
    if recorded is None:
        return f"{NAME}=={__version__}"
    source: Mapping[str, Any] = json.loads(recorded)
    if "dir_info" in source:
        return ""
    if "vcs_info" in source:
        revision = source["vcs_info"].get("requested_revision") or source["vcs_info"]["commit_id"]
        return f"{NAME} @ {source['vcs_info']['vcs']}+{source['url']}@{revision}"
    return f"{NAME} @ {source['url']}"
