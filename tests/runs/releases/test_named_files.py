"""Missing code files and sample data are reported with all other problems of a document, with lines."""

from __future__ import annotations

import pytest

from stagewright.document.file import read_document
from stagewright.errors import DocumentError
from stagewright.runs.releases.named_files import code_findings, sample_findings

DOCUMENT = """\
name: small
sample_data: {raw/small/: data.csv}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  prepare:
    kind: processing
    code: prepar.py
    include: [lib, missing]
  train:
    kind: training
    entry_point: train.py
    hyperparameters: {rate: 1e-3}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pipeline.yaml").write_text(DOCUMENT)
    (tmp_path / "code" / "lib").mkdir(parents=True)
    for name in ("prepare.py", "train.py", "lib/shared.py"):
        (tmp_path / "code" / name).write_text("")
    (tmp_path / "data.csv").write_text("")
    return tmp_path


def problems_of(folder):
    with pytest.raises(DocumentError) as caught:
        read_document(folder / "pipeline.yaml", code_findings, sample_findings)
    assert caught.value.exit_code == 2
    return {each.path: (each.line, each.message, each.remedy) for each in caught.value.problems}


def test_missing_files_are_reported_together_with_ambiguous_scalars(folder):
    (folder / "data.csv").unlink()
    found = problems_of(folder)
    assert found.pop("stages.train.hyperparameters.rate")[0] == 12
    code = folder / "code"
    assert found == {
        "sample_data.raw/small/": (
            2,
            f"{folder / 'data.csv'} does not exist",
            "fix the path; it is relative to the document",
        ),
        "stages.prepare.code": (7, f"no prepar.py in the code folder {code}", 'did you mean "prepare.py"?'),
        "stages.prepare.include[1]": (8, f"no missing in the code folder {code}", found[
            "stages.prepare.include[1]"
        ][2]),
    }  # fmt: skip


def test_existing_files_give_no_findings(folder):
    text = DOCUMENT.replace("prepar.py", "prepare.py").replace(", missing", "").replace("1e-3", "0.001")
    (folder / "pipeline.yaml").write_text(text)
    assert read_document(folder / "pipeline.yaml", code_findings, sample_findings).name == "small"


def test_missing_code_folder_is_one_finding(folder):
    (folder / "pipeline.yaml").write_text(DOCUMENT.replace("name: small", "name: small\ncode: src"))
    found = problems_of(folder)
    assert [path for path in found if "rate" not in path] == ["code"]
    assert found["code"][:2] == (2, f"there is no folder {folder / 'src'}")


def test_folder_outside_is_not_read(folder):
    (folder / "pipeline.yaml").write_text(DOCUMENT.replace("name: small", "name: small\ncode: ../.."))
    found = problems_of(folder)
    assert "is not a path inside the folder" in found["code"][1]


def test_link_out_of_the_folder_is_one_finding(folder):
    (folder / "code" / "link.py").symlink_to("/etc/hostname")
    found = problems_of(folder)
    assert "link.py is a link out of" in found["code"][1]
    assert "stages.train.hyperparameters.rate" in found
