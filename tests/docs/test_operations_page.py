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


def test_every_alarm_has_a_section_and_no_other_has():
    assert sorted(SECTIONS) == sorted(alarm.key for alarm in ALARMS)


@pytest.mark.parametrize("part", ["**Means**", "**See**", "**Do**", "**Repairs itself**"])
def test_a_section_says_all_that_somebody_wants_to_know_at_night(part):
    assert [name for name, body in SECTIONS.items() if part not in body] == []


def test_the_commands_exist():
    named = set(re.findall(r"stagewright (config show|[a-z-]+)", PAGE))
    assert {"doctor", "runs", "show", "logs", "dlq", "stop"} <= named
    assert named <= COMMANDS.keys()


def test_the_log_groups_are_those_of_the_functions():
    named = set(re.findall(r"/aws/lambda/ENV-(\w+)", PAGE))
    assert named == {function.key for function in FUNCTIONS}
