"""What to do after a script could not import a module."""

from __future__ import annotations

import pytest

from sagemaker_local.jobs.advice import advice


@pytest.mark.parametrize(
    ("output", "framework", "expected"),
    [
        ("ModuleNotFoundError: No module named 'mlio'", "sklearn", "ML-IO is in no package index"),
        ("ModuleNotFoundError: No module named 'mlio.integ'", "xgboost", "AWS's image has mlio"),
        ("x\nModuleNotFoundError: No module named 'lightgbm'", "sklearn", "no lightgbm: add its package"),
        ("ModuleNotFoundError: No module named 'spacy'", "pytorch", "add it to requirements.txt"),
        ("ValueError: No module named 'x'", "sklearn", ""),
        ("", "", ""),
    ],
)
def test_missing_module_is_explained(output: str, framework: str, expected: str) -> None:
    hint = advice(output, framework)
    assert expected in hint
    assert bool(hint) == bool(expected)
