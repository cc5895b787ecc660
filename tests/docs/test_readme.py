"""Every command of the README runs, in its own order, against one local server."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.waiting import PATIENCE

from stagewright.document.canonical_json import document_json
from stagewright.document.file import read_document

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
STAGEWRIGHT = Path(sys.executable).parent / "stagewright"
PLACEHOLDERS = {"RUN": "house-price", "STAGE": "train", "NAME": "local"}
APART = ("up", "down", "stop", "resume", "rollback-endpoint")
"""They change what the others need, or need a run that failed or an earlier version: tests/e2e has them."""

pytestmark = pytest.mark.e2e


def commands() -> list[str]:
    """What stands in code, once each; `run` first, since the others look at what it made."""
    found = re.findall(r"`(?:\$ )?(?:\.venv/bin/)?(stagewright [a-z][^`|]*)`", README)
    found += re.findall(r"^\$ (?:\.venv/bin/)?(stagewright .+)$", README, flags=re.MULTILINE)
    found = [each for each in dict.fromkeys(found) if each.split()[1] not in APART]
    return sorted(found, key=lambda each: not each.startswith("stagewright run "))


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    folder = tmp_path_factory.mktemp("folder")  # commands write into it
    shutil.copytree(ROOT / "examples", folder / "examples")
    environment = {**os.environ, "STAGEWRIGHT_STATE": str(tmp_path_factory.mktemp("state")), "COLUMNS": "200"}

    def call(command: str) -> subprocess.CompletedProcess[str]:
        words = [PLACEHOLDERS.get(word, word).strip('"') for word in command.split()]
        return subprocess.run(
            [STAGEWRIGHT, *words[1:]],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    assert call("stagewright up").returncode == 0
    yield call
    assert call("stagewright down").returncode == 0


def test_readme_has_commands_of_every_kind():
    verbs = {command.split()[1] for command in commands()}
    assert {"run", "plan", "validate", "show", "logs", "runs", "predict", "env", "doctor"} <= verbs


@pytest.mark.slow
def test_every_readme_command_runs(shell):
    for command in commands():
        done = shell(command.replace(" --follow", ""))
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def test_env_output_suffices_for_plain_boto3(shell):
    """A script with no address in it creates and awaits a processing and a training job."""
    exports = dict(re.findall(r"^export (\w+)=(.*)$", shell("stagewright env").stdout, flags=re.MULTILINE))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    script = ROOT / "tests" / "docs" / "plain_boto3.py"
    done = subprocess.run(
        [sys.executable, script],
        env={**clean, **exports},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"processed": "3 lines", "model": ["weights.txt"], "loss": 0.25}


def test_readme_document_is_valid(tmp_path):
    (block,) = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    path = tmp_path / "pipeline.yaml"
    path.write_text(block)
    example = json.loads(document_json(read_document(ROOT / "examples" / "house-price" / "pipeline.yaml")))
    assert json.loads(document_json(read_document(path)))["stages"].keys() == example["stages"].keys()
