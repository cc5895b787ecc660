"""A new kind needs a folder and one row in the registry. No other source file changes."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import stagewright

SOURCE = Path(stagewright.__file__).parent
SCHEMA = '''
from typing import ClassVar, Literal

from stagewright.stages.base.schema import Stage
from stagewright.syntax.fields import Text


class Echo(Stage):
    """Returns a text."""

    values: ClassVar[tuple[str, ...]] = ("answer",)

    kind: Literal["echo"]
    """Always `echo`."""
    text: Text
    """The text."""

    def value_names(self, word):
        return ("text",) if word == "answer" else ()
'''
RULES = '''
from stagewright.syntax.findings import Finding


def rules(stage, context, path):
    """Findings within an echo stage."""
    if not stage.text:
        yield Finding((*path, "text"), "nothing to return", "write a text")
'''
REQUEST = '''
from stagewright.stages.base.stage_request import StageRequest


def build(stage, context):
    """The text, for the state machine."""
    return {"Echo": {"Text": stage.text}}


REQUEST = StageRequest(
    build, lambda stage, requests: 60, history_events=13, machine_inputs=("Echo",),
    field_names=((r"Echo\\.Text", "text"),),
)
'''
STATES = """
from stagewright.asl import Pass
from stagewright.stages.base import result_states
from stagewright.stages.base.expressions import bound, with_
from stagewright.stages.base.states import Entry

RESULT = with_(f"'result': {{ 'answer': {{ 'text': {bound('Echo', 'Text')[3:-3]} }} }}")
STATES = (Entry("Echo", {"Echo": Pass(RESULT, result_states.DONE)}),)
PERMISSIONS = {}
"""
IMPORT = "from stagewright.stages.endpoint.schema import Endpoint\n"
ROW = '        Kind("glue", Glue, "glue"),\n'
PROGRAM = """
import json
from stagewright.document.load import load
from stagewright.errors import DocumentError
from stagewright.naming import Installation
from stagewright.planner.model import Recorded, Trigger
from stagewright.planner.planner import plan
from stagewright.planner.release import Release
from stagewright.state_machine.builder import build

def document(text):
    return {"name": "talk", "stages": {
        "say": {"kind": "echo", "text": text},
        "check": {"kind": "gate", "require": "${stages.say.answer.text} == 'hello'"},
    }}

try:
    load(document(""))
    error = ""
except DocumentError as raised:
    error = str(raised)
trigger = Trigger("manual", "manual:1", "2026-01-31T14:00:00.000Z")
recorded = Recorded(Installation("bucket", "eu-west-1", "123456789012"), Release("talk", {}))
made = plan(load(document("hello")), trigger, recorded)
print(json.dumps({
    "error": error,
    "stages": [[stage.name, stage.kind, stage.action, stage.requests] for stage in made.stages],
    "machine": build(),
}))
"""


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.py")
    }


def add_echo(folder):
    """Add the kind as its developer does: a folder, and the row with its import."""
    kind = folder / "stages" / "echo"
    kind.mkdir()
    sources = {"__init__": "", "schema": SCHEMA, "rules": RULES, "request": REQUEST, "states": STATES}
    for module, source in sources.items():
        (kind / f"{module}.py").write_text(source)
    registry = folder / "stages" / "registry.py"
    text = registry.read_text()
    text = text.replace(IMPORT, f"from stagewright.stages.echo.schema import Echo\n{IMPORT}")
    registry.write_text(text.replace(ROW, f'{ROW}        Kind("echo", Echo, "echo"),\n'))


def run_program(root):
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_new_kind_changes_only_the_registry(tmp_path):
    ignored = shutil.ignore_patterns("__pycache__", "artifacts")
    folder = Path(shutil.copytree(SOURCE, tmp_path / "stagewright", ignore=ignored))
    before = digests(folder)

    add_echo(folder)
    answer = run_program(tmp_path)

    after = digests(folder)
    touched = sorted(name for name in before if after[name] != before[name])
    print(f"existing files touched by a new kind: {len(touched)} ({', '.join(touched)})")
    assert touched == ["stages/registry.py"]
    assert "stages.say.text: nothing to return" in answer["error"]
    assert answer["stages"][0] == ["say", "echo", "run", {"Echo": {"Text": "hello"}}]
    assert answer["stages"][1][:3] == ["check", "gate", "run"]
    assert '"Echo":' in json.dumps(answer["machine"])
    assert "= 'echo'" in json.dumps(answer["machine"])
