"""Metrics whose expression may take exponential time or finds no number are reported. AWS accepts them."""

from __future__ import annotations

import pytest

from stagewright.document.doubtful_metrics import NOTHING, NOTHING_FIRST, doubtful_metrics, metrics
from stagewright.document.load import load

STAGE = {
    "kind": "training",
    "entry_point": "train.py",
    "image": "sklearn-1.4",
    "instance_type": "ml.m5.large",
    "channels": {"train": "s3://bucket/train/"},
}


def reported(regex: str) -> list[str]:
    document = load({"name": "p", "stages": {"fit": {**STAGE, "metrics": {"mae": regex, "r2": "r2=(.*)"}}}})
    return [problem.path for problem in doubtful_metrics(metrics(document), "pipeline.yaml")]


@pytest.mark.parametrize(
    "regex", ["(?:a+)+(b)", "(?:a|ab)*(c)", "a?" * 30 + "(b)", "(?:ab|a)" * 30 + "(b)", r"(?:\d+,?)*;(\d+)"]
)
def test_exponential_expression_is_reported_with_its_path(regex: str) -> None:
    assert reported(regex) == ["stages.fit.metrics.mae"]


@pytest.mark.parametrize(
    ("regex", "message"),
    [
        ("MAE: ()", NOTHING),
        ("^()$", NOTHING),
        ("MAE: ([0-9.]*?)", NOTHING),
        (r"(?:loss|mae)=(\d*?)\s*", NOTHING),
        (r"(?:mae=(\d*?))", NOTHING),
        ("MAE(?=())", NOTHING),
        ("([0-9.]*)", NOTHING_FIRST),
        (r"(\d*\.?\d*)", NOTHING_FIRST),
    ],
)
def test_expression_that_finds_no_number_is_reported(regex: str, message: str) -> None:
    document = load({"name": "p", "stages": {"fit": {**STAGE, "metrics": {"mae": regex}}}})
    (problem,) = doubtful_metrics(metrics(document), "pipeline.yaml")
    assert (problem.path, problem.message) == ("stages.fit.metrics.mae", message)


@pytest.mark.parametrize(
    "regex",
    [
        "MAE: ([0-9.]*)",
        "MAE: ([0-9.]*?)$",
        "MAE: ([0-9.]*?);",
        "MAE: (.*?)(?:,|$)",
        "(?=MAE: (.*))",
        "(.*)",
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
    (problem,) = doubtful_metrics(overlay, "prod.yaml")
    assert (problem.file, problem.path) == ("prod.yaml", "stages.fit.metrics.mae")
    assert doubtful_metrics({"parameters": {"x": 1}}) == ()
