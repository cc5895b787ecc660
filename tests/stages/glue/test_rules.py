"""Rules of glue stages."""

from __future__ import annotations

import pytest

from stagewright.document.load import load
from stagewright.errors import DocumentError

GLUE = {"kind": "glue", "code": "shape.py"}

PROBLEMS = [
    ({**GLUE, "code": "shape.sh"}, "code", "'shape.sh' is not a .py file"),
    ({**GLUE, "include": ["lib"]}, "include[0]", "'lib' is not a file of type .py, .zip, .whl"),
    (
        {**GLUE, "arguments": {"JOB_NAME": "x"}},
        "arguments.JOB_NAME",
        "--JOB_NAME is an argument of Glue",
    ),
    ({**GLUE, "arguments": {"mode": "x"}}, "arguments.mode", "--mode is an argument of Glue"),
    ({**GLUE, "arguments": {"stagewright-job": "x"}}, "arguments.stagewright-job", "is an argument of Glue"),
    ({**GLUE, "inputs": {"conf": "s3://bucket/x"}}, "inputs.conf", "--conf is an argument of Glue"),
    ({**GLUE, "outputs": ["TempDir"]}, "outputs", "--TempDir is an argument of Glue"),
    ({**GLUE, "outputs": ["a-b"], "arguments": {"a_b": "x"}}, "arguments.a_b", "a_b is also in outputs"),
    ({**GLUE, "worker_type": "G.1X"}, "worker_type", "only for spark jobs, but this is a pythonshell job"),
    (
        {**GLUE, "type": "spark", "capacity": "large"},
        "capacity",
        "only for pythonshell jobs, but this is a spark job",
    ),
    ({**GLUE, "metrics_file": "made/m.json"}, "metrics_file", "no output 'made'"),
    ({**GLUE, "metrics": {"n": "rows.n"}}, "metrics", "there is no metrics_file"),
    ({**GLUE, "arguments": {"r": "${stages.evaluate.metrics.r2}"}}, "arguments.r", "accepts text"),
]


@pytest.mark.parametrize(("stage", "place", "message"), PROBLEMS)
def test_invalid_stage_is_rejected_at_its_path(house, stage, place, message):
    with pytest.raises(DocumentError) as caught:
        load(house({"stages.extra": stage}))
    reported = [
        problem for problem in caught.value.problems if problem.path.startswith(f"stages.extra.{place}")
    ]
    assert any(message in f"{problem.message} {problem.remedy}" for problem in reported), caught.value.message


def test_valid_stage_is_accepted(house):
    glue = {**GLUE, "arguments": {"additional-python-modules": "x==1", "conf": "a=b"}, "outputs": ["made"]}
    assert load(house({"stages.shape": glue})).stages["shape"].outputs == ("made",)
