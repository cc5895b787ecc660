"""The tutorial: its script, its commands in their order, and the lines that it shows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine, stagewright_on_path
from tests.support.waiting import PATIENCE

from stagewright.errors import StagewrightError
from stagewright.local import environments, server

PAGE = Path(__file__).parents[2] / "docs" / "first-pipeline.md"
VARYING = {r"[a-z]+-\d{8}t\d{6}-[0-9a-z]{6}": "RUN", r"\d+(\.\d+)? s\b": "TIME"}
SHOWN = "..."
"""A line that stands for others."""


def script() -> str:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    return block


def commands() -> list[tuple[str, list[str]]]:
    """Each command with the lines that the page shows of its output."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    parts = [
        part.split("\n") for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    ]
    return [(command, [line for line in lines if line and line != SHOWN]) for command, *lines in parts]


def masked(text: str) -> str:
    for pattern, word in VARYING.items():
        text = re.sub(pattern, word, text)
    return text


def test_script_of_the_page_has_forty_lines_and_knows_nothing_of_sagemaker() -> None:
    assert len(script().splitlines()) == 40
    assert not re.search("SM_|sagemaker|/opt/ml|stagewright", script())


@pytest.mark.slow
@pytest.mark.e2e
def test_commands_of_the_page_lead_to_a_served_model(tmp_path: Path) -> None:
    try:
        environments.resolve("sklearn-1.4")
    except StagewrightError as error:
        pytest.skip(f"no environment with scikit-learn: {error.message}")
    (tmp_path / "train.py").write_text(script())
    environment = stagewright_on_path(CommandLine(tmp_path).environment, tmp_path / "bin")
    try:
        for command, lines in commands():
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=tmp_path,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            output = masked(done.stdout + done.stderr).splitlines()
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            assert [line for line in map(masked, lines) if line not in output] == [], command
    finally:
        server.down(tmp_path / "state")
    assert (tmp_path / "wine/code/train.py").read_text() == script()
