"""Metrics whose regular expression may take exponential time are reported. AWS accepts them."""

from __future__ import annotations

import pytest

from stagewright.document.load import load
from stagewright.document.slow_metrics import metrics, slow_metrics

STAGE = {
    "kind": "training",
    "entry_point": "train.py",
    "image": "sklearn-1.4",
    "instance_type": "ml.m5.large",
    "channels": {"train": "s3://bucket/train/"},
}


def reported(regex: str) -> list[str]:
    document = load({"name": "p", "stages": {"fit": {**STAGE, "metrics": {"mae": regex, "r2": "r2=(.*)"}}}})
    return [problem.path for problem in slow_metrics(metrics(document), "pipeline.yaml")]


@pytest.mark.parametrize(
    "regex", ["(?:a+)+(b)", "(?:a|ab)*(c)", "a?" * 30 + "(b)", "(?:ab|a)" * 30 + "(b)", r"(?:\d+,?)*;(\d+)"]
)
def test_exponential_expression_is_reported_with_its_path(regex: str) -> None:
    assert reported(regex) == ["stages.fit.metrics.mae"]


@pytest.mark.parametrize(
    "regex",
    [
        "MAE: ([0-9.]+)",
        r".*\[[0-9]+\].*#011validation-error:([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*",
        r"#quality_metric: host=\S+, train mae <loss>=(\S+)",
        r"(?i)accuracy\s*[:=]\s*(\d+(?:\.\d+)?)\s*%?",
    ],
)
def test_expressions_of_aws_s_examples_are_not_reported(regex: str) -> None:
    assert reported(regex) == []


def test_an_overlay_is_checked_too() -> None:
    overlay = {
        "stages": {"fit": {"metrics": {"mae": "(a+)+"}}, "other": {"metrics": "s3://b/k"}, "off": None}
    }
    (problem,) = slow_metrics(overlay, "prod.yaml")
    assert (problem.file, problem.path) == ("prod.yaml", "stages.fit.metrics.mae")
    assert slow_metrics({"parameters": {"x": 1}}) == ()
