"""The example of docs/fan-out.md is valid, and its items do not wait for each other."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from stagewright.document.dependencies import dependencies
from stagewright.document.expansion import expanded
from stagewright.document.load import load
from stagewright.planner.waves import waves

PAGE = Path(__file__).parents[2] / "docs" / "fan-out.md"
ITEMS = ("eu-west", "us-east", "apac")


def test_example_has_one_chain_for_each_item():
    example = re.search(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example
    made = expanded(load(yaml.safe_load(example[1])))
    chains = tuple(
        tuple(f"{stage}/{item}" for stage in ("prepare", "train", "good", "register")) for item in ITEMS
    )
    assert waves(list(made.stages), dependencies(made)) == (chains, (("summary",),))
