"""A misspelt name is answered with the one that was probably meant."""

from __future__ import annotations

import shutil

import pytest

from stagewright.api import documents, target
from stagewright.errors import DocumentError, NotFoundError, TargetError


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("show", "tny"), 5, 'tny has no runs in STATE\n  try: did you mean "tiny"?'),
        (("logs", "Tiny"), 5, 'did you mean "tiny"?'),
        (("logs", "tiny", "ft"), 5, 'has no stage ft\n  try: did you mean "fit"?'),
        (("logs", "tiny", "deploy"), 5, "try: its stages: check, fit, serve, total"),
        (("config", "show", "tinny"), 5, 'did you mean "tiny"?'),
        (("set", "tinny", "parameters.factor=3"), 5, 'did you mean "tiny"?'),
        (("set", "tiny", "stages.ft.enabled=false"), 2, 'stages.ft: no such stage (did you mean "fit"?)'),
        (("unset", "tinny", "--all"), 5, 'did you mean "tiny"?'),
        (
            ("diff", "tiny", "bse"),
            5,
            'bse is neither a revision number nor a layer\n  try: did you mean "base"?',
        ),
        (
            ("approve", "tinny", "--why", "x"),
            5,
            'no stage of tinny waits for approval\n  try: did you mean "tiny"?',
        ),
        (("predict", "tinny", "--data", "1"), 5, 'did you mean "tiny"?'),
        (("predict", "zzz", "--data", "1"), 5, "pipelines there: tiny"),
        (("run", ".", "-p", "factr=3"), 2, 'did you mean "factor"?'),
        (("run", "pipline.yaml"), 5, 'did you mean "pipeline.yaml"?'),
        (("plan", ".", "--skip", "chek"), 3, 'did you mean "check"?'),
        (
            ("runs", "tiny", "--target", "loacl"),
            4,
            'did you mean "local"?; add [targets.loacl] to stagewright.toml',
        ),
        (("valdate", "."), 2, "No such command 'valdate'. Did you mean 'validate'?"),
        (("xyzzy",), 2, "No such command 'xyzzy'.\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_unknown_name_suggests_the_nearest(served, arguments, code, words):
    done = served(*arguments)
    assert done.returncode == code, done.stderr
    assert words.replace("STATE", str(served.state)) in done.stderr
    assert done.stdout == ""


def test_failed_prediction_suggests_the_log(served):
    (run,) = served.runs()[-1:]
    done = served("predict", "tiny", "--data", "no JSON")
    assert done.returncode == 4
    assert f"stagewright logs {run} serve shows the log of the model" in done.stderr
    assert "set another type with --content-type TYPE" in done.stderr
    explicit = served("predict", "tiny", "--data", "no JSON", "--content-type", "text/csv").stderr
    assert "set another type with" not in explicit
    assert "JSONDecodeError" in served("logs", run, "serve").stdout


def test_suggestion_includes_documents_in_pipelines(served, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(served.folder / "code", tmp_path / "pipelines" / "house" / "code")
    shutil.copy(served.folder / "pipeline.yaml", tmp_path / "pipelines" / "house")
    with pytest.raises(NotFoundError) as raised:
        documents.path_of("hose")
    assert raised.value.remedy == 'did you mean "house"?'
    with pytest.raises(NotFoundError) as raised:
        documents.path_of("pipelines/hous")
    assert raised.value.remedy == 'did you mean "pipelines/house"?'
    with pytest.raises(NotFoundError) as raised:
        documents.path_of("zzz")
    assert raised.value.remedy == "in pipelines: house"


def test_unknown_parameter_and_target_suggest_the_nearest(tmp_path, monkeypatch, served):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DocumentError, match=r'no such parameter \(did you mean "seconds"\?\)'):
        documents.parse_parameters(documents.read(str(served.folder)), ["second=1"])
    (tmp_path / "stagewright.toml").write_text('[targets.prod]\nbucket = "b"\n')
    with pytest.raises(TargetError) as raised:
        target.environment_of("prd")
    assert raised.value.remedy.startswith('did you mean "prod"?')
