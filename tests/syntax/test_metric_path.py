"""Paths of values in a metrics file."""

from __future__ import annotations

import pytest

from stagewright.syntax.metric_path import problem, steps


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("accuracy", ["accuracy"]),
        ("regression_metrics.mse.value", ["regression_metrics", "mse", "value"]),
        ("folds[0].f1-score", ["folds", 0, "f1-score"]),
        ("matrix[1][12]", ["matrix", 1, 12]),
        ("['a b'].x", ["a b", "x"]),
        ('metrics["validation:rmse"].value', ["metrics", "validation:rmse", "value"]),
        ("['a.b']['c']", ["a.b", "c"]),
        ("binary.0.1", ["binary", "0", "1"]),
    ],
)
def test_path_has_steps(path, expected):
    assert problem(path) == ""
    assert steps(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "$.a",
            "a[-1]",
            "a[x]",
            "a[0",
            "a]",
            "a b",
            "a['']",
            "a['b]",
            "a[*]",
            "a\n",
        ),
        *("a[*]", "a\n", "${run.id}", "<<a.job>>", "a" * 257),
    ],
)
def test_text_that_is_no_path(path):
    assert problem(path)
