"""`import stagewright`: cheap, typed, and not disturbed by the package's own modules."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import stagewright

STUB = Path(stagewright.__file__).with_suffix(".pyi")
IMPORT = """
import sys
before = set(sys.modules)
import stagewright as sw
new = {name for name in set(sys.modules) - before if not name.startswith("_")}
assert new <= {"stagewright", "types", "warnings"} | {n for n in new if n.startswith("importlib")}, new
assert {"run", "runs", "StagewrightError"} <= set(dir(sw))
import stagewright.runs.values
assert callable(sw.runs) and sw.runs.values is sys.modules["stagewright.runs.values"]
from stagewright import runs, run
assert callable(runs) and callable(run)
assert "boto3" not in sys.modules
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_import_loads_no_other_module_and_runs_stays_callable():
    done = python(IMPORT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", stagewright.PUBLIC)
def test_public_names_exist(name):
    assert callable(getattr(stagewright, name))
    assert name in dir(stagewright)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'rnu'"):
        stagewright.rnu  # noqa: B018


def test_stub_has_every_public_name_from_its_module():
    imports = [node for node in ast.parse(STUB.read_text()).body if isinstance(node, ast.ImportFrom)]
    stub = {name.asname: node.module.removeprefix("stagewright.") for node in imports for name in node.names}
    assert stub == stagewright.PUBLIC


@pytest.mark.slow
def test_type_checker_knows_the_public_names(tmp_path):
    (tmp_path / "use.py").write_text(
        "import stagewright as sw\n"
        'run = sw.run("p", parameters={"a": 1}).wait(timeout=3)\n'
        "reveal_type(run.metrics)\n"
        'reveal_type(run.stages["train"].model)\n'
        'reveal_type(sw.runs("p", since="7d")[0].id)\n'
        "sw.run(1)\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "use.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    notes = [line.partition(" note: ")[2] for line in done.stdout.splitlines() if " note: " in line]
    notes = [note.replace("builtins.", "") for note in notes]
    assert notes == [
        'Revealed type is "dict[str, float]"',
        'Revealed type is "str"',
        'Revealed type is "str"',
    ], done.stdout
    assert 'Argument 1 to "run" has incompatible type "int"' in done.stdout
