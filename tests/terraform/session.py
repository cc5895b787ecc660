"""Run Terraform in a folder, and read its plans and states."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stagewright.installation.artifacts import FOLDER
from stagewright.installation.template import fill
from stagewright.naming import Installation

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).parent / "requirements"
COMMAND_SECONDS = 300
ACCOUNT = "123456789012"
SETTINGS = {"environment": "dev", "bucket": "ml-dev"}


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """What went wrong, without Terraform's frame and line breaks."""
        words = self.err.replace("│", " ").replace("╷", " ").replace("╵", " ").split()
        return " ".join(words)


@dataclass(frozen=True)
class Terraform:
    """Terraform in one folder that is initialized; variables go by a file, so that any value will do."""

    python: Path
    folder: Path
    environment: dict[str, str]

    def __call__(self, *arguments: str) -> Done:
        command = [str(self.python), "-m", "tests.terraform.terraform", f"-chdir={self.folder}", *arguments]
        done = subprocess.run(
            command,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def must(self, *arguments: str) -> str:
        done = self(*arguments)
        assert done.code == 0, done.out + done.err
        return done.out

    def plan(self, **variables: Any) -> dict[str, Any]:
        """The plan, as `show -json` has it."""
        self.must("plan", "-out=plan.tfplan", self._file(variables), *FLAGS)
        return json.loads(self.must("show", "-json", "plan.tfplan"))

    def refused(self, **variables: Any) -> str:
        done = self("plan", self._file(variables), *FLAGS)
        assert done.code == 1, done.out
        return done.message

    def changes(self, **variables: Any) -> dict[str, list[str]]:
        """Address -> actions, of what a plan would change."""
        changes = self.plan(**variables).get("resource_changes", [])
        found = {each["address"]: each["change"]["actions"] for each in changes}
        return {place: actions for place, actions in found.items() if actions not in (["no-op"], ["read"])}

    def apply(self, **variables: Any) -> Done:
        return self("apply", "-auto-approve", self._file(variables), *FLAGS)

    def destroy(self, **variables: Any) -> Done:
        return self("destroy", "-auto-approve", self._file(variables), *FLAGS)

    def resources(self) -> list[dict[str, Any]]:
        """Of the state: all resources, those of modules too."""
        return resources(json.loads(self.must("show", "-json"))["values"]["root_module"])

    def _file(self, variables: dict[str, Any]) -> str:
        (self.folder / "given.tfvars.json").write_text(json.dumps(variables))
        return "-var-file=given.tfvars.json"


FLAGS = ("-input=false", "-no-color")


def resources(module: dict[str, Any]) -> list[dict[str, Any]]:
    """Of a module in `show -json`, with those inside of it."""
    inner = [each for child in module.get("child_modules", ()) for each in resources(child)]
    return [each for each in module.get("resources", ()) if each["mode"] == "managed"] + inner


def installation(bucket: str = "ml-dev", region: str = "us-east-1", partition: str = "aws") -> dict[str, Any]:
    """installation.json as it must be of this environment."""
    place = Installation(bucket, region, ACCOUNT, "dev", partition=partition)
    return json.loads(fill((FOLDER / "installation.json").read_text(), place))
