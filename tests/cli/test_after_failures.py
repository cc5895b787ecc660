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
