"""Rules of transform stages."""

from __future__ import annotations

import pytest
from tests.stages.tuned_document import made, problems

from stagewright.document.load import load

BAD_TRANSFORM = [
    ({"model": "${stages.register.package}"}, "entry_point", "a model package already includes it", ""),
    ({"model": "my-model"}, "entry_point", "a SageMaker model already includes it", ""),
    ({"input": "/data"}, "input", "not an S3 URI", ""),
    ({"model": "no_name"}, "model", "or name of a SageMaker model", ""),
    ({"max_payload_mb": 60, "max_concurrent": 2}, "max_concurrent", "60 MB in each of 2", "reduce"),
    ({"split_by": "None", "strategy": "SingleRecord"}, "strategy", "no effect on whole files", "split_by"),
    ({"join": True, "split_by": "None"}, "split_by", "join of text/csv needs split_by: Line", ""),
    ({"input_filter": "$[1:]", "split_by": "None"}, "split_by", "input_filter of text/csv", ""),
    ({"join": True, "accept": "application/json"}, "accept", "same type as the files, text/csv", ""),
    ({"output_filter": "$[0]", "assemble_with": "None"}, "assemble_with", "by Line", ""),
    ({"output_filter": "$" + "x" * 63}, "output_filter", "64 characters, but AWS accepts at most 63", ""),
    ({"output": "${stages.tune.model}"}, "output", "known only during the run", ""),
    ({"instance_count": 0}, "instance_count", "", ""),
]


@pytest.mark.parametrize(("changes", "path", "message", "remedy"), BAD_TRANSFORM)
def test_invalid_transform_stage_is_rejected(house, changes, path, message, remedy):
    reported = problems(made(house, score=changes))
    assert any(f"stages.score.{path}" in line and message in line for line in reported.splitlines()), reported
    assert remedy in reported


@pytest.mark.parametrize(
    "changes",
    [
        {"join": True, "input_filter": "$[1:]", "output_filter": "$[0,-1]", "accept": "text/csv"},
        {"split_by": "None", "content_type": "application/x-image"},
        {"model": "my-model", "entry_point": None},
        {"model": "${stages.register.package}", "entry_point": None},
        {"max_payload_mb": 50, "max_concurrent": 2},
    ],
)
def test_valid_transform_stage_is_accepted(house, changes):
    assert load(made(house, score=changes)).stages["score"].kind == "transform"
