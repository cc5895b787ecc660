"""After a failure, and for a pipeline without a document here, the commands name the next thing to do."""

from __future__ import annotations

from copy import copy

import pytest

pytestmark = pytest.mark.slow

BROKEN = "open('/opt/ml/input/data/totals/numbers.txt')\n"


def test_a_pushed_pipeline_without_a_document_names_the_commands(served, tmp_path):
    elsewhere = copy(served)
    elsewhere.folder = tmp_path
    for command in ("run", "plan"):
        done = elsewhere(command, "tiny")
        assert done.returncode == 5
        assert "tiny is pushed to" in done.stderr
        remedy = done.stderr.partition("stagewright run ")[2].partition(" runs what is pushed")[0]
        assert remedy.startswith("tiny --release ")
    again = elsewhere("run", *remedy.split())
    assert again.returncode == 0, again.stderr
    assert elsewhere("config", "show", "tiny").returncode == 0
    unknown = elsewhere("run", "tinny")
    assert "no such document" in unknown.stderr


def test_a_missing_file_names_the_channels_and_the_files(served):
    script = served.folder / "code" / "fit.py"
    text = script.read_text()
    script.write_text(BROKEN)
    try:
        done = served("run", ".")
    finally:
        script.write_text(text)
    assert done.returncode == 6
    assert "HINT: the job has /opt/ml/input/data/total (metrics.json)" in done.stderr
    shown = served("show", "tiny").stdout
    assert "hint for fit: the job has its inputs in /opt/ml/input/data/total" in shown


def test_commands_that_use_what_is_pushed_name_what_is_only_on_disk(served):
    assert served("push", ".").returncode == 0
    assert "only on this disk" not in served("set", "tiny", "parameters.factor=3").stderr
    document, script = served.folder / "pipeline.yaml", served.folder / "code" / "total.py"
    texts = document.read_text(), script.read_text()
    document.write_text(texts[0].replace("least: 1", "least: 0"))
    script.write_text(texts[1] + "# changed\n")
    (served.folder / "code" / "new.py").write_text("")
    try:
        dates = ("--from", "2024-01", "--to", "2024-01")
        for command in (
            ("backfill", ".", *dates, "--dry-run"),
            ("unset", "tiny", "--all"),
            ("config", "show", "."),
        ):
            done = served(*command)
            (line,) = [line for line in done.stderr.splitlines() if "only on this disk" in line]
            assert "changes of the document, code new.py, total.py; this uses the push of 20" in line
        pushed = served(*line.partition("(stagewright ")[2].partition(" pushes it")[0].split())
        assert pushed.returncode == 0, pushed.stderr
        assert "only on this disk" not in served("config", "show", "tiny").stderr
    finally:
        document.write_text(texts[0])
        script.write_text(texts[1])
        (served.folder / "code" / "new.py").unlink()
