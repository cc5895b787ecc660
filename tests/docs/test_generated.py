from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from tools import reference

from stagewright.document.load import load

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", reference.PAGES)
def test_generated_page_is_current(name):
    assert (reference.DOCS / name).read_text() == reference.PAGES[name](), "stale: run `make docs`"


def test_reference_has_every_command_and_option():
    from stagewright.cli.app import COMMANDS

    text = (reference.DOCS / "cli.md").read_text()
    assert re.findall(r"^## stagewright ([\w -]+)$", text, flags=re.MULTILINE) == list(COMMANDS)


def test_example_is_valid_by_the_published_schema():
    """Every key that the example uses is a property that the schema publishes."""
    schema = json.loads((reference.DOCS / "pipeline.schema.json").read_text())
    training = schema["$defs"]["Training"]["properties"]
    assert {"entry_point", "channels", "hyperparameters", "metrics"} <= training.keys()
    assert all(field.get("description") for name, field in training.items() if name != "kind")


def test_example_of_the_document_page_is_valid():
    page = (reference.DOCS / "document.md").read_text()
    block, *_ = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    pipeline = load(yaml.safe_load(block))
    assert {stage.kind for stage in pipeline.stages.values()} == {
        "processing",
        "training",
        "gate",
        "register",
        "endpoint",
    }


def test_example_of_tuned_values_is_valid():
    page = (reference.DOCS / "document.md").read_text()
    (block,) = re.findall(r"## Train with tuned hyperparameters\n.*?```yaml\n(.*?)```", page, flags=re.DOTALL)
    prepare = {"kind": "processing", "code": "prepare.py", "outputs": ["train", "all"]}
    defaults = {"image": "sklearn-1.4", "instance_type": "ml.m5.large"}
    stages = {"prepare": prepare, **yaml.safe_load(block)}
    assert load({"name": "example", "defaults": defaults, "stages": stages}).stages["train"].hyperparameters


def test_links_between_pages_have_targets():
    pages = [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("examples/*/*.md"),
    ]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_no_page_names_a_local_folder():
    tracked = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("src/**/*.py"),
        *ROOT.glob("tools/*.py"),
    ]
    for page in tracked:
        assert not re.search(r"/(home/\w+|Users/\w+|root|work)/", page.read_text()), page
