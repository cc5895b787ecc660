"""Runs of a part of a pipeline."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def actions(record):
    return {stage["name"]: stage["action"] for stage in record["stages"]}


def reasons(record):
    return {stage["name"]: stage["reason"] for stage in record["stages"]}


@pytest.mark.slow
def test_from_runs_dependent_stages_and_the_next_run_reuses_them(served):
    first = served.runs()[-1]
    planned = served.json("plan", ".", "--from", "fit")
    assert actions(planned) == {"total": "reuse", "fit": "run", "check": "run", "serve": "run"}
    record = served.json("run", ".", "--from", "fit")
    assert actions(record) == actions(planned)
    assert reasons(record)["total"] == f"not selected; uses the result of run {first}"
    assert record["trigger"]["start"] == ["fit"]
    assert "  from fit" in served("show", record["run"]).stdout.splitlines()
    later = served.json("run", ".")
    assert {stage["reused_from"] for stage in later["stages"] if stage["name"] != "total"} == {record["run"]}


def test_only_and_skip_do_not_run_other_stages(served):
    only = served.json("run", ".", "--only", "total,fit", "--force")
    assert actions(only) == {"total": "run", "fit": "run", "check": "reuse", "serve": "reuse"}
    skip = served.json("run", ".", "--skip", "fit,check", "--skip", "serve", "-p", "factor=7")
    assert (actions(skip)["fit"], reasons(skip)["serve"][:19]) == ("reuse", "skipped in this run")
    assert "(stale: hyperparameters.factor 2 -> 7)" in reasons(skip)["fit"]


def test_push_carries_the_selection(served):
    code = served.folder / "code" / "fit.py"
    code.write_text(code.read_text() + "# once more\n")
    before = served.runs()
    record = served.json("run", ".", "--only", "total")
    assert record["trigger"]["type"] == "code"
    assert actions(record)["fit"] == "reuse"
    assert served.runs() == [record["run"], *before]
    assert actions(served.json("run", "."))["fit"] == "run"


def test_invalid_selection_is_rejected_before_the_push(served):
    code = served.folder / "code" / "fit.py"
    before = served.runs()
    code.write_text(code.read_text() + "# not to be pushed\n")
    wrong = {
        ("--only", "ftt"): 'only: no such stage: ftt (did you mean "fit"?)',
        ("--only", "fit", "--from", "fit"): "use either only or from",
        ("--from", "fit", "--skip", "fit"): "from: fit is also skipped (name it once)",
    }
    for arguments, said in wrong.items():
        done = served("run", ".", *arguments)
        assert (done.returncode, said in done.stderr) == (3, True), done.stderr
    served("set", "tiny", "stages.serve.enabled=false")
    done = served("plan", ".", "--only", "serve")
    assert (done.returncode, "serve is disabled in the document" in done.stderr) == (3, True), done.stderr
    served("unset", "tiny", "stages.serve.enabled")
    assert served.runs() == before


def test_failed_run_with_selection_suggests_resume(served):
    done = served("run", ".", "--from", "fit", "-p", "factor=-1")
    run = served.runs()[0]
    assert f"next: stagewright resume {run} ." in done.stderr or f"resume {run} ." in done.stderr
