"""Every example of docs/triggers.md is one that documents and the router take."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from tests.support.messages import message

from stagewright.document.load import load
from stagewright.document.triggers import TRIGGERS
from stagewright.naming import Installation
from stagewright.runs.intake.messages import parse

PAGE = (Path(__file__).parents[2] / "docs" / "triggers.md").read_text()
DOCUMENT = {
    "name": "house-price",
    "parameters": {"month": "2026-01"},
    "stages": {
        "train": {
            "kind": "training",
            "image": "sklearn-1.4",
            "entry_point": "train.py",
            "instance_type": "ml.m5.large",
        },
        "register": {"kind": "register", "model": "${stages.train.model}", "entry_point": "train.py"},
        "deploy": {
            "kind": "endpoint",
            "model": "${stages.register.package}",
            "instance_type": "ml.m5.large",
        },
    },
}


def test_trigger_examples_are_valid_and_cover_every_type():
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    triggers = [trigger for block in blocks for trigger in yaml.safe_load(block)]
    assert {trigger["type"] for trigger in triggers} == set(TRIGGERS)
    load({**DOCUMENT, "triggers": triggers})


@pytest.mark.parametrize("number", [0, 1])
def test_message_examples_parse(number):
    (block,) = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)
    body = block.splitlines()[number]
    json.loads(body)
    (request,) = parse(message(body), Installation("b", "r", "a", "dev", "demo"))
    assert request.pipeline == "house-price"
