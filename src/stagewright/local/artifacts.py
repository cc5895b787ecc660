"""The generated files that Terraform reads too: what to create, the state machine, the functions' archive."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from stagewright.errors import TargetError
from stagewright.installation.template import fill
from stagewright.local.emulator import server
from stagewright.naming import Installation


@dataclass(frozen=True)
class Artifacts:
    """Filled in for one installation. `resources`: installation.json, `definition`: the machine as JSON text.

    `digest` changes whenever something that would be created does.
    """

    resources: Mapping[str, Any]
    definition: str
    archive: bytes
    digest: str

    @classmethod
    def read(cls, installation: Installation) -> Artifacts:
        """TargetError where a file is missing, as in a source tree that never generated them."""
        package = resources.files("stagewright")
        folder = package / "artifacts"
        try:
            description = fill((folder / "installation.json").read_text("utf-8"), installation)
            definition = fill((folder / "workflow.asl.json").read_text("utf-8"), installation)
            archive = (folder / "functions.zip").read_bytes()
        except FileNotFoundError as error:
            raise TargetError(f"{error.filename} is missing", "python -m stagewright.installation") from None
        makers = (package / "local" / "provision.py").read_bytes(), server.VERSION.encode()
        parts = (description.encode(), definition.encode(), archive, *makers)
        digest = hashlib.sha256(b"\0".join(parts)).hexdigest()
        return cls(json.loads(description), definition, archive, digest)

    @property
    def prompt_functions(self) -> tuple[str, ...]:
        """Names of the functions that somebody waits for: those that events call, not a schedule."""
        rules = self.resources["rules"].values()
        called = [source["function"] for source in self.resources["event_sources"].values()]
        called += [r["target"]["name"] for r in rules if r["pattern"] and r["target"]["kind"] == "function"]
        return tuple(self.resources["functions"][what]["name"] for what in called)
