"""docs/operations.md: a section for every alarm, and only commands and log groups that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stagewright.cli.app import COMMANDS
from stagewright.installation.alarms import ALARMS
from stagewright.installation.functions import FUNCTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
SECTIONS = {
    name: body
    for title, body in re.findall(r"^## Alarm: (.+?)\n(.*?)(?=^## )", PAGE, flags=re.M | re.S)
    for name in title.split(", ")
}


def test_every_alarm_has_exactly_one_section():
    assert sorted(SECTIONS) == sorted(alarm.key for alarm in ALARMS)


@pytest.mark.parametrize("part", ["**Means**", "**See**", "**Do**", "**Repairs itself**"])
def test_each_alarm_section_has_every_part(part):
    assert [name for name, body in SECTIONS.items() if part not in body] == []


def test_commands_of_the_page_exist():
    named = set(re.findall(r"stagewright (config show|[a-z-]+)", PAGE))
    assert {"doctor", "runs", "show", "logs", "dlq", "stop"} <= named
    assert named <= COMMANDS.keys()


def test_log_groups_match_the_functions():
    named = set(re.findall(r"/aws/lambda/ENV-([\w-]+)", PAGE))
    assert named == {function.key for function in FUNCTIONS}
