from __future__ import annotations

import json
from pathlib import Path

import pytest
from tools import audit


def test_a_key_in_a_file_is_found(tmp_path: Path) -> None:
    planted = tmp_path / "settings.py"
    planted.write_text(f'KEY = "{"AKIA" + "Q" * 16}"\n')
    assert audit.secrets([str(planted)]) == ["Secret Type: AWS Access Key", f"Location:    {planted}:1"]


def test_a_private_key_in_a_file_is_found(tmp_path: Path) -> None:
    planted = tmp_path / "key.pem"
    planted.write_text(f"-----BEGIN RSA {'PRIVATE'} KEY-----\n")
    assert audit.secrets([str(planted)])[0] == "Secret Type: Private Key"


@pytest.mark.parametrize("text", ["MIT", "Apache-2.0 OR BSD-2-Clause", "MIT License; BSD License"])
def test_permissive_licenses_are_allowed(text: str) -> None:
    assert audit.licenses([{"Name": "package", "License": text}]) == []


@pytest.mark.parametrize("text", ["GPL-3.0-only", "MIT AND AGPL-3.0", "UNKNOWN", ""])
def test_other_licenses_are_reported(text: str) -> None:
    assert audit.licenses([{"Name": "package", "License": text}]) == [f"package: {text}"]


def test_vulnerabilities_fail_and_unaudited_packages_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    report = {
        "dependencies": [
            {"name": "safe", "version": "1.0", "vulns": []},
            {"name": "old", "version": "0.1", "vulns": [{"id": "PYSEC-2026-1"}]},
            {"name": "unreachable", "skip_reason": "not found"},
        ]
    }
    assert audit.dependencies(report) == ["old 0.1: PYSEC-2026-1"]
    assert capsys.readouterr().out.startswith("1 of 3 packages were not audited")


@pytest.mark.slow
def test_sbom_lists_every_package_of_the_wheel(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    assert audit.sbom(str(file)) == 0
    document = json.loads(file.read_text())
    names = {component["name"] for component in document["components"]}
    assert document["metadata"]["component"]["name"] == "stagewright"
    assert {"boto3", "pydantic", "ministack", "optuna"} <= names
    assert "pytest" not in names
