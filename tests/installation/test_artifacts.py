"""The committed artifacts, and the archive as Lambda has it: unpacked, with three dependencies only."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from stagewright.installation.archive import LAYERS, PACKAGE, archive
from stagewright.installation.artifacts import FOLDER, artifacts, write

IMPORTER = """
import json, pkgutil, sys
ALLOWED = set(json.loads(sys.argv[2])) | set(sys.stdlib_module_names)

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in ALLOWED:
            raise ImportError(f"{name} is not there in Lambda")

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
import stagewright
assert stagewright.__file__.startswith(sys.argv[1]), stagewright.__file__
found = pkgutil.walk_packages(stagewright.__path__, "stagewright.")
names = [module.name for module in found if "__main__" not in module.name]
for name in names:
    __import__(name)
foreign = {"yaml", "typer", "rich", "ministack", "starlette", "uv", "hypercorn"} & sys.modules.keys()
assert not foreign, foreign
print(json.dumps(names))
"""
# What the three dependencies bring along.
RUNTIME = [
    "stagewright",
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "dateutil",
    "six",
    "urllib3",
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_extensions",
    "typing_inspection",
    "aws_lambda_powertools",
]


@pytest.mark.parametrize("name", ["installation.json", "workflow.asl.json", "functions.zip"])
def test_a_committed_artifact_is_not_stale(name):
    assert (FOLDER / name).read_bytes() == artifacts()[name], "run: python -m stagewright.installation"


def test_the_archive_has_the_same_bytes_wherever_and_whenever_it_is_made(tmp_path):
    copy = tmp_path / "elsewhere" / "stagewright"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for path in copy.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    (copy / "run" / "__pycache__").mkdir()
    (copy / "run" / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert archive(copy) == archive()


def test_it_holds_the_layers_of_lambda_and_no_other():
    names = zipfile.ZipFile(io.BytesIO(archive())).namelist()
    assert names == sorted(names)
    tops = {name.split("/")[1] for name in names}
    assert tops == {"__init__.py", *LAYERS}
    assert not [name for name in names if not name.endswith((".py", ".json"))]
    assert len(archive()) < 50_000_000


def test_every_module_imports_with_the_dependencies_of_lambda_only(tmp_path):
    zipfile.ZipFile(io.BytesIO(archive())).extractall(tmp_path)
    command = [sys.executable, "-I", "-c", IMPORTER, str(tmp_path), json.dumps(RUNTIME)]
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert {
        "stagewright.functions.router",
        "stagewright.functions.recorder",
        "stagewright.runs.reconcile",
    } <= set(json.loads(done.stdout))


def test_writing_again_changes_nothing(tmp_path):
    assert {path.name for path in write(tmp_path)} == set(artifacts())
    (tmp_path / "installation.json").write_text("{}")
    assert write(tmp_path) == [tmp_path / "installation.json"]
    assert write(tmp_path) == []


def test_no_artifact_names_this_machine():
    for name, content in artifacts().items():
        assert str(Path.home()).encode() not in content or Path.home() == Path("/root"), name
        assert str(PACKAGE.parent).encode() not in content, name
