"""The generated artifacts, which Terraform also reads, with the values of one installation."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from stagewright.errors import TargetError
from stagewright.installation.template import fill
from stagewright.local.emulator.patches import VERSION
from stagewright.naming import Installation

SETTINGS = {"STAGEWRIGHT_FOUR_EYES": "no", "STAGEWRIGHT_JOBS": "{}"}
"""Settings of the functions that a server takes from the environment that it is started with -> default."""


@dataclass(frozen=True)
class Artifacts:
    """`resources` is installation.json, `definition` the state machine as JSON text.

    `digest` changes when the artifacts, their provisioning or the version of ministack change.
    """

    resources: Mapping[str, Any]
    definition: str
    archive: bytes
    digest: str

    @classmethod
    def read(cls, installation: Installation) -> Artifacts:
        """Read the artifacts. Raise TargetError if a file is missing, as in a source tree without them."""
        package = resources.files("stagewright")
        folder = package / "artifacts"
        try:
            description = fill((folder / "installation.json").read_text("utf-8"), installation)
            definition = fill((folder / "workflow.asl.json").read_text("utf-8"), installation)
            archive = (folder / "functions.zip").read_bytes()
        except FileNotFoundError as error:
            raise TargetError(f"{error.filename} is missing", "python -m stagewright.installation") from None
        provisioner = (package / "local" / "provision.py").read_bytes(), VERSION.encode()
        settings = {name: os.environ.get(name, default) for name, default in SETTINGS.items()}
        chosen = json.dumps(settings).encode()
        parts = (description.encode(), definition.encode(), archive, *provisioner, chosen)
        digest = hashlib.sha256(b"\0".join(parts)).hexdigest()
        described = json.loads(description)
        for function in described["functions"].values():
            function["environment"] |= settings
        return cls(described, definition, archive, digest)

    @property
    def prompt_functions(self) -> tuple[str, ...]:
        """Return the names of the functions that events invoke.

        Their first call should not wait for a start.
        """
        rules = self.resources["rules"].values()
        called = [source["function"] for source in self.resources["event_sources"].values()]
        targets = [rule["target"] for rule in rules if rule["pattern"]]
        called += [target["name"] for target in targets if target["kind"] == "function"]
        return tuple(self.resources["functions"][key]["name"] for key in called)
