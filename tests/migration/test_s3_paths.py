"""S3 URIs of the sample's item in the converted document."""

from __future__ import annotations

import pytest

from stagewright.migration.sample.s3_paths import S3Paths

PATHS = S3Paths("data", ("shared",), "writes to own/fixed")


@pytest.mark.parametrize(
    ("uri", "output"),
    [
        ("s3://data/shared/train/", "s3://${bucket}/shared/${run.id}/train"),
        ("s3://data/other/train/", "s3://${bucket}/other/train/${run.id}"),
        ("s3://data/own/fixed/", "s3://${bucket}/own/fixed"),
        ("s3://data/shared/a${b}/", "s3://${bucket}/shared/${run.id}/a$${b}"),
        ("s3://foreign/shared/a${b}/", "s3://foreign/shared/${run.id}/a$${b}"),
    ],
)
def test_each_run_writes_to_a_folder_of_its_own(uri, output):
    assert PATHS.output(uri) == output
