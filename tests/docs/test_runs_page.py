"""What docs/runs.md shows is what the command line and the router take."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest
import typer
from tests.support.messages import message

from stagewright.cli.app import COMMANDS as TABLE
from stagewright.naming import Installation
from stagewright.runs.intake.messages import parse

PAGE = (Path(__file__).parents[2] / "docs" / "runs.md").read_text()
COMMANDS = re.findall(r"^stagewright (\w+) (.*)$", PAGE, flags=re.MULTILINE)
(MESSAGES,) = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.parametrize("body", MESSAGES.splitlines())
def test_message_examples_parse(body):
    (request,) = parse(message(body), Installation("b", "r", "a", "dev", "demo"))
    assert request.pipeline == "house-price"


@pytest.mark.parametrize(("command", "arguments"), COMMANDS)
def test_options_of_the_examples_exist(command, arguments):
    given = set(re.findall(r"--[a-z-]+", arguments))
    single = typer.Typer(add_completion=False)
    single.command()(import_module(TABLE[command].module).command)
    known = {option for each in typer.main.get_command(single).params for option in each.opts}
    assert given <= known
