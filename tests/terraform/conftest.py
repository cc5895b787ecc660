"""Terraform with a provider that makes nothing; configurations are copied, initialized, planned, applied."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.cached_python import python_with, report_skipped
from tests.support.waiting import PATIENCE
from tests.terraform import old_provider
from tests.terraform.session import FLAGS, REQUIREMENTS, ROOT, Terraform

from stagewright.installation.artifacts import FOLDER

SKIPPED = "Terraform's library cannot be installed"
SLOW = "test_slow_lane.py"
PROVIDER = 'variable "at" {\n  default = "us-east-1"\n}\n\nprovider "aws" {\n  region = var.at\n}\n'


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
        started.must("init", *FLAGS)
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
