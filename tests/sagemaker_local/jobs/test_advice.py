"""What to do after a script failed: packages, the files of the job, and memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagemaker_local.jobs.advice import advice

NO_FILE = "FileNotFoundError: [Errno 2] No such file or directory: '/opt/ml/input/data/trian/x.csv'"


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
def test_missing_module_is_explained(output: str, framework: str, expected: str, tmp_path: Path) -> None:
    hint = advice(output, framework, 1, tmp_path, installs=True)
    assert expected in hint
    assert bool(hint) == bool(expected)


def test_a_processing_job_installs_no_requirements(tmp_path: Path) -> None:
    output = "ModuleNotFoundError: No module named 'lightgbm'"
    assert "installs no requirements.txt" in advice(output, "sklearn", 1, tmp_path, installs=False)


def test_missing_file_names_the_channels_and_their_files(tmp_path: Path) -> None:
    for name in ("train/a.csv", "train/part/b.csv", *(f"many/{number}" for number in range(9))):
        path = tmp_path / "input" / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "input" / "data" / "none").mkdir()
    hint = advice(NO_FILE, "sklearn", 1, tmp_path, installs=True)
    assert hint == (
        "the job has /opt/ml/input/data/many (0, 1, 2, 3, 4, ...), /opt/ml/input/data/none (empty),"
        " /opt/ml/input/data/train (a.csv, part/b.csv)"
    )


def test_missing_file_names_the_folders_of_a_processing_job(tmp_path: Path) -> None:
    for name in ("input/raw/a.csv", "model/model.tar.gz", "output/report/x.json"):
        path = tmp_path / "processing" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    hint = advice(NO_FILE, "sklearn", 1, tmp_path, installs=False)
    assert hint == (
        "the job has /opt/ml/processing/input/raw (a.csv), /opt/ml/processing/model (model.tar.gz)"
    )


def test_a_job_without_inputs_says_so(tmp_path: Path) -> None:
    assert advice(NO_FILE, "sklearn", 1, tmp_path, installs=True) == "the job has no inputs"


@pytest.mark.parametrize(("code", "is_killed"), [(137, True), (1, False), (143, False)])
def test_a_killed_script_is_explained(code: int, is_killed: bool, tmp_path: Path) -> None:
    assert ("memory" in advice("", "sklearn", code, tmp_path, installs=True)) == is_killed
