"""What an installation from a wheel has: all that the package reads at run time, and the example."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from stagewright import __version__

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "stagewright"
EXAMPLE = ROOT / "examples" / "house-price"
NEEDED = (
    "artifacts/ci.json",
    "artifacts/functions.zip",
    "artifacts/installation.json",
    "artifacts/workflow.asl.json",
    "catalog/contract.json",
    "catalog/images.json",
    "py.typed",
    "scripts/drift.py",
    "templates/gitlab-ci.yml",
    "templates/main.tf",
)


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_wheel_has_every_file_of_the_package(wheel):
    inside = {name: content for name, content in files(PACKAGE).items() if not name.startswith("examples/")}
    assert set(NEEDED) <= set(inside)
    assert {f"stagewright/{name}": content for name, content in inside.items()}.items() <= wheel.items()
    local = files(PACKAGE.with_name("sagemaker_local"))
    assert "images/images.toml" in local
    assert {f"sagemaker_local/{name}": content for name, content in local.items()}.items() <= wheel.items()


def test_wheel_has_the_example(wheel):
    there = "stagewright/examples/house-price/"
    packed = {name.removeprefix(there): wheel[name] for name in wheel if name.startswith(there)}
    assert packed == {
        name: content for name, content in files(EXAMPLE).items() if ".stagewright/" not in name
    }


def test_wheel_has_no_other_files(wheel):
    tops = {name.partition("/")[0] for name in wheel}
    assert sorted(tops) == [
        "sagemaker_local",
        "sagemaker_rules",
        "stagewright",
        f"stagewright-{__version__}.dist-info",
    ]
