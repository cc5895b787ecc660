"""Every module by itself: formatted, valid, and its own tests with a mocked provider."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.terraform.session import ROOT, Terraform

INFRA = ROOT / "infra"
FOLDERS = sorted({path.parent.relative_to(INFRA).as_posix() for path in INFRA.rglob("main.tf")})


def test_modules_are_formatted(root: Terraform, terraform_python: Path) -> None:
    done = root("fmt", "-check", "-diff", "-recursive", str(INFRA))
    assert done.code == 0, done.out


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS)
def test_each_module_is_valid_alone(terraform: Callable[..., Terraform], folder: str) -> None:
    assert "The configuration is valid." in terraform(folder).must("validate", "-no-color")


@pytest.mark.parametrize("folder", FOLDERS)
def test_variables_and_outputs_have_descriptions(folder: str) -> None:
    for name in ("variables.tf", "outputs.tf"):
        text = (INFRA / folder / name).read_text() if (INFRA / folder / name).exists() else ""
        declared = (
            text.count("\nvariable ") + text.count("\noutput ") + text.startswith(("variable ", "output "))
        )
        assert text.count("\n  description = ") == declared, f"{folder}/{name}"


@pytest.mark.parametrize("folder", [folder for folder in FOLDERS if folder.startswith("modules/")])
def test_modules_require_only_the_aws_provider(folder: str) -> None:
    assert (INFRA / folder / "versions.tf").read_text() == (INFRA / "versions.tf").read_text()


def test_terraform_test_files_pass(terraform: Callable[..., Terraform]) -> None:
    out = terraform().must("test", "-no-color")
    assert "Success!" in out
    assert "0 failed" in out
