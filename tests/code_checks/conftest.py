"""A fixture that checks one stage with its code files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from stagewright.code_checks.checks import CodeProblems, check_code
from stagewright.document.load import load

TRAINING = {"kind": "training", "entry_point": "train.py"}
PROCESSING = {"kind": "processing", "code": "train.py", "outputs": ["out"]}
KINDS = {"training": TRAINING, "processing": PROCESSING, "tuning": TRAINING | {"kind": "tuning"}}
Check = Callable[..., CodeProblems]


@pytest.fixture
def check() -> Check:
    """Checks a stage `s`: `check({"train.py": "..."}, kind="training", image="sklearn-1.4")`."""

    def run(
        files: Mapping[str, str | bytes], kind: str = "training", parameters: Any = None, **fields: Any
    ) -> CodeProblems:
        stage = {**KINDS[kind], **fields}
        defaults = {"image": "sklearn-1.4", "instance_type": "ml.m5.large"}
        document: dict[str, Any] = {"name": "p", "defaults": defaults, "stages": {"s": stage}}
        if parameters:
            allowed = {name: [value] for name, value in parameters.items()}
            document |= {"parameters": parameters, "allowed_values": allowed}
        pipeline = load(document)
        bodies = {path: body.encode() if isinstance(body, str) else body for path, body in files.items()}
        return check_code(pipeline, bodies)

    return run
