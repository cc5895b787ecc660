"""Commands that read a document also check its code, and name the file and the line of a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from stagewright.api import run_options
from stagewright.api.run_options import RunOptions
from stagewright.cli.commands.author.validate import validate
from stagewright.errors import DocumentError

DOCUMENT = """\
name: small
parameters: {rate: 0.1}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  fit:
    kind: training
    entry_point: train.py
    hyperparameters:
      learning_rate: "${parameters.rate}"
"""
TRAIN = """\
import argparse
import lightgbm
parser = argparse.ArgumentParser()
parser.add_argument("--learning-rate", type=float)
print(parser.parse_args())
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code").mkdir()
    (tmp_path / "pipeline.yaml").write_text(DOCUMENT)
    (tmp_path / "code" / "train.py").write_text(TRAIN)
    return tmp_path


def test_validate_reports_warnings_with_file_and_line(folder):
    _, warnings = validate(Path("pipeline.yaml"))
    assert [(warning.file, warning.line) for warning in warnings] == [
        ("code/train.py", 2),
        ("pipeline.yaml", 9),
    ]
    assert str(warnings[1]) == (
        "pipeline.yaml:9: stages.fit.hyperparameters.learning_rate: train.py rejects it: unrecognized"
        ' arguments: --learning_rate (did you mean "learning-rate"?)'
    )


def test_plan_and_run_report_the_warnings(folder, caplog):
    run_options.read("pipeline.yaml", RunOptions(), "local")
    assert [text.split(": ")[0] for text in caplog.messages] == ["code/train.py:2", "pipeline.yaml:9"]


def test_every_command_rejects_what_surely_fails(folder):
    (folder / "code" / "train.py").write_text("print('x'\n")
    for read in (
        lambda: validate(Path("pipeline.yaml")),
        lambda: run_options.read("pipeline.yaml", RunOptions(), "local"),
    ):
        with pytest.raises(DocumentError) as caught:
            read()
        (problem,) = caught.value.problems
        assert (problem.file, problem.line, caught.value.exit_code) == ("code/train.py", 1, 2)


def test_the_environment_s_document_is_checked(folder):
    (folder / "environments").mkdir()
    (folder / "environments" / "prod.yaml").write_text(
        "stages: {fit: {hyperparameters: {learning-rate: fast}}}\n"
    )
    _, warnings = validate(Path("pipeline.yaml"))
    assert "invalid float value: 'fast'" in "\n".join(map(str, warnings))
    assert len(warnings) == 3


def test_parameters_of_the_command_are_checked(folder, caplog):
    text = DOCUMENT.replace("learning_rate", "learning-rate").replace("rate: 0.1", "rate: slow")
    (folder / "pipeline.yaml").write_text(text)
    run_options.read("pipeline.yaml", RunOptions(["rate=0.5"]), "local")
    assert "invalid float" not in caplog.text
    run_options.read("pipeline.yaml", RunOptions(), "local")
    assert "invalid float value: 'slow'" in caplog.text


def test_shell_scripts_with_windows_line_endings_are_rejected(folder):
    (folder / "code" / "train.sh").write_bytes(b"#!/bin/bash\r\nset -e\r\npython -V\r\n")
    (folder / "code" / "run.sh").write_bytes(b"#!/bin/bash\r\necho hi\r\n")
    (folder / "pipeline.yaml").write_text(
        "name: crlf-shell\ndefaults: {image: sklearn-1.4, instance_type: ml.m5.large}\nstages:\n"
        "  proc: {kind: processing, code: run.sh, outputs: [out]}\n"
        "  train: {kind: training, entry_point: train.sh}\n"
    )
    with pytest.raises(DocumentError) as caught:
        validate(Path("pipeline.yaml"))
    assert [problem.file for problem in caught.value.problems] == ["code/run.sh", "code/train.sh"]
    assert "has Windows line endings" in caught.value.message


@pytest.mark.parametrize(
    ("entry_point", "message"),
    [
        ("lib", "lib is a folder (name the script in it, such as lib/model.py)"),
        ("Train.py", 'no Train.py in the code folder code (did you mean "train.py"?)'),
        ("../train.py", "'../train.py' is not a path inside the folder"),
        ("nothing.sh", "no nothing.sh in the code folder code"),
    ],
)
def test_an_entry_point_is_a_script_of_the_code_folder(folder, entry_point, message):
    (folder / "code" / "lib").mkdir()
    (folder / "code" / "lib" / "model.py").write_text("")
    (folder / "pipeline.yaml").write_text(DOCUMENT.replace("train.py", entry_point))
    with pytest.raises(DocumentError) as caught:
        validate(Path("pipeline.yaml"))
    assert f"pipeline.yaml:7: stages.fit.entry_point: {message}" in caught.value.message


def test_secrets_and_metrics_are_reported_with_their_lines(folder):
    (folder / "code" / "train.py").write_text("")
    lines = ["      db_password: hunter2", "    metrics:", "      mae: 'MAE: ([0-9]*?)'", ""]
    (folder / "pipeline.yaml").write_text(DOCUMENT + "\n".join(lines))
    _, warnings = validate(Path("pipeline.yaml"))
    assert [(warning.path, warning.line) for warning in warnings] == [
        ("stages.fit.hyperparameters.db_password", 10),
        ("stages.fit.metrics.mae", 12),
    ]
