"""Values that an overlay may change."""

from __future__ import annotations

import pytest

from stagewright.document.overlays import overlay_findings

DOCUMENT = {
    "name": "prices",
    "parameters": {"min_r2": 0.88, "month": "2026-01", "fast": True},
    "stages": {"train": {"kind": "training", "entry_point": "train.py"}},
}


@pytest.mark.parametrize(
    ("overlay", "path", "words"),
    [
        (
            {"stages": {"trian": {"instance_count": 2}}},
            ("stages", "trian"),
            'no such stage did you mean "train"?; to add a stage, give its kind',
        ),
        ({"stages": {"score": {}}}, ("stages", "score"), "no such stage stages: train; to add a stage"),
        ({"stages": {"score": 3}}, ("stages", "score"), "no such stage"),
        (
            {"parameters": {"min_r": 0.9}},
            ("parameters", "min_r"),
            'and nothing refers to it did you mean "min_r2"?',
        ),
        ({"parameters": {"min_r2": "high"}}, ("parameters", "min_r2"), 'a number, not "high"'),
        ({"parameters": {"month": 202601}}, ("parameters", "month"), "a text, not the number 202601"),
        ({"parameters": {"fast": "no"}}, ("parameters", "fast"), 'true or false, not "no"'),
        ({"name": "other"}, ("name",), "an overlay cannot change it"),
        ({"sample_data": {}}, ("sample_data",), "an overlay cannot change it"),
    ],
)
def test_overlay_with_a_forbidden_value_is_rejected(overlay, path, words):
    (reported,) = overlay_findings(DOCUMENT, overlay)
    assert reported.path == path
    assert words in f"{reported.message} {reported.remedy}"


@pytest.mark.parametrize(
    "overlay",
    [
        {},
        {"stages": {"train": {"instance_count": 2}}},
        {"stages": {"trial": {"kind": "training", "entry_point": "train.py"}}},
        {"parameters": {"min_r2": 1, "month": "2026-02", "fast": False}},
        {"parameters": {"owner": "somebody"}},
        {
            "parameters": {"min_r": 0.9},
            "stages": {"train": {"hyperparameters": {"r": "${parameters.min_r}"}}},
        },
        {"parameters": None, "stages": []},
    ],
    ids=str,
)
def test_overlay_with_allowed_values_has_no_findings(overlay):
    assert list(overlay_findings(DOCUMENT, overlay)) == []
