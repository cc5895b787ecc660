"""Recognizes what a file holds, and converts it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stagewright.errors import DocumentError, Problem
from stagewright.migration import pipelines, step_functions
from stagewright.migration.code_files import CodeFiles, Fetch, no_fetch
from stagewright.migration.converted import ConvertedPipeline
from stagewright.migration.sample.document import convert as convert_item
from stagewright.migration.sample.item import Item
from stagewright.migration.sample.scripts import read_scripts


def convert(
    path: Path,
    scripts: Path | None = None,
    name: str = "",
    assignments: Sequence[str] = (),
    fetch: Fetch = no_fetch,
) -> ConvertedPipeline:
    """Convert a definition of SageMaker Pipelines, an input file of mlops-stepfunctions, or an item of AWS's
    sample. `assignments` (`NAME=VALUE`) are values of a definition's parameters.

    DocumentError lists everything that is missing or wrong.
    """
    data = _parsed(path)
    if pipelines.is_definition(data):
        definition = pipelines.read(data, _values(data, assignments))
        return pipelines.convert(definition, lambda: CodeFiles.of(scripts, fetch), name)
    if assignments:
        message = "only a definition of SageMaker Pipelines has parameters"
        raise DocumentError((Problem("-p", message, "leave out -p"),))
    if step_functions.is_input(data):
        return step_functions.convert(data, CodeFiles.of(scripts, fetch), name)
    item = Item.read(path)
    return convert_item(item, read_scripts(item, scripts), name)


def _parsed(path: Path) -> Any:
    """The content of a JSON or YAML file. None if it is neither; the reader of items reports it."""
    try:
        text = path.read_text("utf-8-sig")
        return json.loads(text)
    except (OSError, UnicodeDecodeError):
        return None
    except (ValueError, RecursionError):
        return _yaml(text) if path.suffix.lower() in (".yaml", ".yml") else None


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _values(data: Mapping[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Values of -p."""
    texts = {}
    for assignment in assignments:
        name, equals, texts[name] = assignment.partition("=")
        if not equals:
            raise DocumentError((Problem(f"-p {name}", "no value", f"write -p {name}=VALUE"),))
    return pipelines.parse_values(data, texts)
