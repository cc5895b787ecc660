"""The archive with bytecode from which the local server starts its functions."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from importlib.util import cache_from_source

import pytest
from tests.support.waiting import until

from stagewright.local import bytecode
from stagewright.local.artifacts import Artifacts
from stagewright.local.state import INSTALLATION

SOURCE = "print('from the source')\n"


def archive(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, text in files.items():
            packed.writestr(f"{name}.py", text)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("STAGEWRIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "functions"


def test_python_loads_the_bytecode_without_compiling(tmp_path):
    made = zipfile.ZipFile(io.BytesIO(bytecode.compiled(archive(script=SOURCE, other="x = 1\n"))))
    assert sorted(made.namelist()) == sorted(
        ["script.py", "other.py", cache_from_source("script.py"), cache_from_source("other.py")]
    )
    made.extractall(tmp_path)
    assert made.read("script.py").decode() == SOURCE
    (tmp_path / "script.py").write_text("print('compiled again')\n")
    command = [sys.executable, "-c", "import script"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "from the source\n"


def test_archive_is_compiled_once(folder):
    made = bytecode.compiled(archive(script=SOURCE))
    (kept,) = folder.iterdir()
    assert kept.read_bytes() == made
    kept.write_bytes(b"what is kept")
    assert bytecode.compiled(archive(script=SOURCE)) == b"what is kept"


def test_only_the_newest_archives_are_kept(folder):
    for number in range(bytecode.KEPT + 2):
        bytecode.compiled(archive(script=f"x = {number}\n"))
        for age, file in enumerate(sorted(folder.iterdir(), key=lambda file: -file.stat().st_mtime_ns)):
            os.utime(file, (1e9 - age, 1e9 - age))
    assert len(list(folder.iterdir())) == bytecode.KEPT
    last = bytecode.compiled(archive(script=f"x = {bytecode.KEPT + 1}\n"))
    assert last in [file.read_bytes() for file in folder.iterdir()]


def test_source_with_a_syntax_error_is_packed_without_bytecode():
    made = zipfile.ZipFile(io.BytesIO(bytecode.compiled(archive(script="def :\n"))))
    assert made.namelist() == ["script.py"]


def test_unwritable_cache_is_ignored(folder):
    folder.parent.mkdir()
    folder.write_text("in the way")
    assert zipfile.ZipFile(io.BytesIO(bytecode.compiled(archive(script=SOURCE)))).namelist()


def test_router_starts_from_bytecode_and_reports_the_archive_as_its_code(server, client):
    files = zipfile.ZipFile(io.BytesIO(Artifacts.read(INSTALLATION).archive)).namelist()
    expected = {cache_from_source(name) for name in files if name.endswith(".py")}

    def compiled():
        unpacked = server.state.glob("tmp/ministack-lambda-*-router-*/code")
        return {file.relative_to(place).as_posix() for place in unpacked for file in place.rglob("*.pyc")}

    until(lambda: expected <= compiled())  # also modules that nothing imports
    function = client("lambda").get_function(FunctionName=INSTALLATION.name("router"))
    assert function["Configuration"]["CodeSize"] == len(Artifacts.read(INSTALLATION).archive)
