"""Terraform with a provider that makes nothing; configurations are copied, initialized, planned, applied."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.cached_python import python_with, report_skipped
from tests.support.waiting import PATIENCE
from tests.terraform import old_provider

from stagewright.installation.artifacts import FOLDER
from stagewright.installation.template import fill
from stagewright.naming import Installation

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).parent / "requirements"
SKIPPED = "Terraform's library cannot be installed"
COMMAND_SECONDS = 300
SLOW = "test_slow_lane.py"
ACCOUNT = "123456789012"
PROVIDER = 'variable "at" {\n  default = "us-east-1"\n}\n\nprovider "aws" {\n  region = var.at\n}\n'
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
        self.must("plan", "-out=plan.tfplan", self._file(variables), *_FLAGS)
        return json.loads(self.must("show", "-json", "plan.tfplan"))

    def refused(self, **variables: Any) -> str:
        done = self("plan", self._file(variables), *_FLAGS)
        assert done.code == 1, done.out
        return done.message

    def changes(self, **variables: Any) -> dict[str, list[str]]:
        """Address -> actions, of what a plan would change."""
        changes = self.plan(**variables).get("resource_changes", [])
        found = {each["address"]: each["change"]["actions"] for each in changes}
        return {place: actions for place, actions in found.items() if actions not in (["no-op"], ["read"])}

    def apply(self, **variables: Any) -> Done:
        return self("apply", "-auto-approve", self._file(variables), *_FLAGS)

    def destroy(self, **variables: Any) -> Done:
        return self("destroy", "-auto-approve", self._file(variables), *_FLAGS)

    def resources(self) -> list[dict[str, Any]]:
        """Of the state: all resources, those of modules too."""
        return resources(json.loads(self.must("show", "-json"))["values"]["root_module"])

    def _file(self, variables: dict[str, Any]) -> str:
        (self.folder / "given.tfvars.json").write_text(json.dumps(variables))
        return "-var-file=given.tfvars.json"


_FLAGS = ("-input=false", "-no-color")


def resources(module: dict[str, Any]) -> list[dict[str, Any]]:
    """Of a module in `show -json`, with those inside of it."""
    inner = [each for child in module.get("child_modules", ()) for each in resources(child)]
    return [each for each in module.get("resources", ()) if each["mode"] == "managed"] + inner


def installation(bucket: str = "ml-dev", region: str = "us-east-1", partition: str = "aws") -> dict[str, Any]:
    """installation.json as it must be of this environment."""
    place = Installation(bucket, region, ACCOUNT, "dev", partition=partition)
    return json.loads(fill((FOLDER / "installation.json").read_text(), place))


@pytest.fixture(scope="session")
def terraform_python() -> Path:
    return python_with(REQUIREMENTS / "terraform.txt", SKIPPED)


@pytest.fixture(scope="session")
def terraform_environment(
    terraform_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The provider's process lives as long as the session."""
    base = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path_factory.mktemp("home")),
        "PYTHONPATH": str(ROOT),
        "CHECKPOINT_DISABLE": "1",
    }
    command = [str(terraform_python), "-m", "tests.terraform.provider.serve"]
    server = subprocess.Popen(command, env=base, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdin
    assert server.stdout
    with server:
        try:
            yield {**base, "TF_REATTACH_PROVIDERS": server.stdout.readline()}
        finally:
            server.stdin.close()
            server.wait(timeout=PATIENCE)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """A copy of what `source = "git::..."` downloads, as far as Terraform reads it."""

    def copy() -> Path:
        place = tmp_path_factory.mktemp("package")
        shutil.copytree(
            ROOT / "infra", place / "infra", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*")
        )
        shutil.copytree(FOLDER, place / FOLDER.relative_to(ROOT))
        return place

    return copy


@pytest.fixture(scope="session")
def terraform(
    terraform_python: Path, terraform_environment: dict[str, str], package: Callable[[], Path]
) -> Callable[..., Terraform]:
    """A fresh copy, initialized: of the root module, or of another folder, to which `main` is written."""

    def start(folder: str = ".", main: str = "", *, provider: bool = False) -> Terraform:
        place = package() / "infra" / folder
        if provider:
            (place / "provider.tf").write_text(PROVIDER)
        if main:
            place.mkdir(parents=True)
            (place / "main.tf").write_text(main)
        started = Terraform(terraform_python, place, terraform_environment)
        started.must("init", *_FLAGS)
        return started

    return start


@pytest.fixture(scope="module")
def root(terraform: Callable[..., Terraform]) -> Terraform:
    """The root module with a provider, whose region is the variable `at`; never applied."""
    return terraform(provider=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    report_skipped(terminalreporter, "Terraform", SKIPPED)
    report_skipped(terminalreporter, "Terraform, slow lane", old_provider.SKIPPED)
    spent = {"fast": 0.0, "slow": 0.0}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport) and report.nodeid.startswith("tests/terraform/"):
                spent["slow" if SLOW in report.nodeid else "fast"] += report.duration
    for lane, seconds in spent.items():
        if seconds:
            terminalreporter.write_line(f"Terraform, {lane} lane: {seconds:.0f} s in all processes")
