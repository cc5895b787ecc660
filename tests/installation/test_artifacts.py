"""The committed artifacts, and the archive as Lambda loads it: unpacked, with only three dependencies."""

from __future__ import annotations

import hashlib
import io
import json
import modulefinder
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import CodeType

import pytest

from stagewright.installation.archive import BUILT_WITH, HANDLERS, PACKAGE, SHARED, archive, modules
from stagewright.installation.artifacts import FOLDER, artifacts, write

IMPORTER = """
import json, pkgutil, sys
ALLOWED = set(json.loads(sys.argv[2])) | set(sys.stdlib_module_names)

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in ALLOWED and not name.startswith("_sysconfigdata_"):
            raise ImportError(f"{name} is not there in Lambda")

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
import stagewright
assert stagewright.__file__.startswith(sys.argv[1]), stagewright.__file__
found = pkgutil.walk_packages(stagewright.__path__, "stagewright.")
names = [module.name for module in found]
for name in names:
    __import__(name)
from stagewright.stages.registry import KINDS
for kind in KINDS.values():
    kind.rules, kind.request
foreign = {"yaml", "typer", "rich", "ministack", "starlette", "uv", "hypercorn"} & sys.modules.keys()
assert not foreign, foreign
print(json.dumps(names))
"""
# What the three dependencies bring along.
RUNTIME = [
    "stagewright",
    "sagemaker_rules",
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


@pytest.mark.parametrize("name", ["installation.json", "ci.json", "workflow.asl.json", "functions.zip"])
def test_committed_artifact_is_up_to_date(name):
    assert (FOLDER / name).read_bytes() == artifacts()[name], "run: python -m stagewright.installation"


def test_archive_has_the_same_bytes_in_every_folder_and_at_every_time(tmp_path):
    copy = copied_package(tmp_path)
    for path in copy.rglob("*.py"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    (copy / "runs" / "__pycache__").mkdir()
    (copy / "runs" / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert archive(copy) == archive()


def test_entries_are_sorted_source_and_data_files():
    names = entries(archive())
    assert names == sorted(names)
    assert [name for name in names if not name.endswith((".py", ".json"))] == [BUILT_WITH]
    assert {"stagewright/catalog/contract.json", "stagewright/catalog/images.json"} <= set(names)
    assert len(archive()) < 50_000_000


def test_lambda_gets_neither_the_installation_nor_the_state_machine():
    packages = {name.split("/")[1] for name in entries(archive())}
    assert not packages & {"installation", "state_machine", "asl.py", "local", "cli", "migration", "scripts"}
    assert not [name for name in entries(archive()) if name.endswith("/states.py")]


def test_another_module_of_the_archive_imports_each_module():
    """This reads the imports from bytecode, independently of the archive's walk over syntax trees."""
    imported = {*HANDLERS, *(name.rpartition(".")[0] for name in modules())}
    for path in modules().values():
        imported |= imports(compile(path.read_bytes(), str(path), "exec"))
    by_name = {name for name in modules() if re.fullmatch(r"stagewright\.stages\.\w+\.(rules|request)", name)}
    assert modules().keys() - imported == by_name - imported


def imports(code: CodeType) -> set[str]:
    names: set[str] = set()
    for kind, operands in modulefinder.ModuleFinder().scan_opcodes(code):
        if kind == "absolute_import":
            members, module = operands
            names |= {module, *(f"{module}.{member}" for member in members or ())}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= imports(constant)
    return names


@pytest.mark.parametrize(
    "path", ["installation/alarms.py", "state_machine/builder.py", "cli/main.py", "local/process.py"]
)
def test_change_outside_lambda_keeps_the_archive(tmp_path, path):
    """Otherwise `terraform apply` updates three functions whose code is the same."""
    copy = copied_package(tmp_path)
    with (copy / path).open("a") as file:
        file.write("CHANGED = True\n")
    assert archive(copy) == archive()


def test_new_import_of_a_handler_adds_the_module(tmp_path):
    copy = copied_package(tmp_path)
    (copy / "new_package").mkdir()
    (copy / "new_package" / "__init__.py").write_text("")
    (copy / "new_package" / "constants.json").write_text("{}")
    (copy / "new_package" / "value.py").write_text("VALUE = 1\n")
    (copy / "new_package" / "typed.py").write_text("")
    with (copy / "functions" / "sweeper.py").open("a") as file:
        file.write(
            "def later():\n    from stagewright.new_package.value import VALUE\n    return VALUE\n"
            "if TYPE_CHECKING:\n    import stagewright.new_package.typed\n"
        )
    assert set(entries(archive(copy))) - set(entries(archive())) == {
        "stagewright/new_package/__init__.py",
        "stagewright/new_package/constants.json",
        "stagewright/new_package/value.py",
    }


def copied_package(folder: Path) -> Path:
    copy = folder / "elsewhere" / "stagewright"
    for source in (PACKAGE, PACKAGE.with_name(SHARED)):
        ignored = shutil.ignore_patterns("__pycache__", "artifacts")
        shutil.copytree(source, copy.with_name(source.name), ignore=ignored)
    return copy


def entries(content: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(content)).namelist()


def test_every_module_imports_with_only_the_dependencies_of_lambda(tmp_path):
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


def test_write_changes_only_stale_files(tmp_path):
    assert {path.name for path in write(tmp_path)} == set(artifacts())
    (tmp_path / "installation.json").write_text("{}")
    assert write(tmp_path) == [tmp_path / "installation.json"]
    assert write(tmp_path) == []


def test_artifacts_contain_no_path_of_this_machine():
    for name, content in artifacts().items():
        assert str(Path.home()).encode() not in content or Path.home() == Path("/root"), name
        assert str(PACKAGE.parent).encode() not in content, name


def test_functions_are_paired_with_the_definition_that_they_were_built_with():
    digest = hashlib.sha256((FOLDER / "workflow.asl.json").read_bytes()).hexdigest()
    with zipfile.ZipFile(FOLDER / "functions.zip") as packed:
        assert packed.read(BUILT_WITH).decode() == digest
    functions = json.loads((FOLDER / "installation.json").read_text())["functions"].values()
    assert {function["environment"]["STAGEWRIGHT_DEFINITION"] for function in functions} == {digest}
