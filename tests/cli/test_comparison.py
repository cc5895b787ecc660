"""`diff` of two runs, against a real local server."""

from __future__ import annotations

import pytest
from tests.support.command_line import DOCUMENT, FIT, tiny

from stagewright.local import server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Two good runs. For the second a script, a parameter and a hyperparameter are others; a file is gone."""
    command = tiny(tmp_path_factory.mktemp("compared"))
    (command.folder / "code" / "notes.txt").write_text("a first try\n")
    server.up(command.state)
    try:
        assert command("run", ".").returncode == 0
        better = FIT.replace("{product}", "{product + 0.5}").replace("parse_args()", "parse_known_args()[0]")
        (command.folder / "code" / "fit.py").write_text(better)
        (command.folder / "code" / "notes.txt").unlink()
        deeper = DOCUMENT.replace("hyperparameters: {", "hyperparameters: {depth: 3, ")
        (command.folder / "pipeline.yaml").write_text(deeper)
        assert command("run", ".", "-p", "factor=5").returncode == 0
        yield command
    finally:
        server.down(command.state)


def test_diff_shows_changes_and_metrics(compared):
    new, old = compared.runs()
    told = compared.json("diff", "tiny", old, new)
    assert (told["a"]["run"], told["b"]["run"], told["missing"]) == (old, new, [])
    assert (told["a"]["status"], told["b"]["status"]) == ("SUCCEEDED", "SUCCEEDED")
    assert told["settings"] == [
        {"path": "parameters.factor", "before": 2, "after": 5},
        {"path": "stages.fit.hyperparameters.depth", "after": 3},
    ]
    assert [(each["path"], "after" in each) for each in told["code"]] == [
        ("fit.py", True),
        ("notes.txt", False),
    ]
    assert {"path": "revision", "before": 1, "after": 2} in told["run"]
    stages = {stage["name"]: stage for stage in told["stages"]}
    assert stages["fit"]["why"] == [
        "code fit.py changed",
        "hyperparameters.depth is new (3)",
        "hyperparameters.factor 2 -> 5",
    ]
    assert stages["fit"]["metrics"] == [
        {"name": "product", "before": 12.0, "after": 30.5, "difference": 18.5}
    ]
    (only,) = [each for each in stages["fit"]["inputs"] if each["path"] == "hyperparameters.factor"]
    assert only == {"path": "hyperparameters.factor", "before": "2", "after": "5"}
    total = stages["total"]
    assert (total["a"]["status"], total["b"]["status"], total["b"]["reused_from"]) == (
        "SUCCEEDED",
        "REUSED",
        old,
    )
    assert (total["inputs"], total["metrics"][0]["difference"]) == ([], 0)
    assert total["a"]["seconds"] > 0
    assert total["b"]["seconds"] is None


def test_single_run_is_compared_with_the_last_successful_one(compared):
    new, old = compared.runs()
    lines = compared("diff", "tiny", new).stdout.splitlines()
    assert compared("diff", ".", "tiny").stdout.splitlines() == lines
    assert [line.split()[:2] for line in lines[:2]] == [[old, "SUCCEEDED"], [new, "SUCCEEDED"]]
    for line in (
        "settings",
        "  parameters.factor: 2 -> 5",
        "  stages.fit.hyperparameters.depth: (nothing) -> 3",
        "  fit.py changed",
        "  notes.txt removed",
        "  check: another result of fit",
        "  total  total    6",
        "  fit    product  12 -> 30.5  +18.5",
    ):
        assert line in lines
    assert any(line.split()[:4] == ["total", "SUCCEEDED", "->", "REUSED"] for line in lines)


def test_run_compared_with_itself_has_no_difference(compared):
    new, _ = compared.runs()
    lines = compared("diff", "tiny", new, new).stdout.splitlines()
    assert lines[2:] == ["metrics", "  total  total    6", "  fit    product  30.5"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (
            ("tiny", "OLD"),
            5,
            "tiny has no successful run before OLD\n  try: name the other run: stagewright runs tiny",
        ),
        (("tiny", "NEW", "3"), 2, "3: is not a run (compare a run with a run"),
        (("tiny", "now", "NEW"), 2, "now: is not a run"),
        (("NEW",), 2, "NEW: is a run, but the first argument is a pipeline (stagewright diff tiny NEW)"),
        (("other", "OLD", "NEW"), 2, "OLD: is a run of tiny, not of other (compare runs of one pipeline)"),
        (("tiny", "OLD", "tiny-20200101t000000-abcdef"), 5, "no run tiny-20200101t000000-abcdef"),
        (("other", "other"), 5, "other has no runs"),
    ],
)
def test_invalid_comparison_is_one_message_and_an_exit_code(compared, arguments, code, words):
    names = dict(zip(("NEW", "OLD"), compared.runs(), strict=True))

    def filled(text):
        for name, run in names.items():
            text = text.replace(name, run)
        return text

    done = compared("diff", *map(filled, arguments))
    assert done.returncode == code, done.stdout + done.stderr
    assert filled(words) in done.stderr
    assert done.stdout == ""


def test_rejected_run_is_compared_as_far_as_recorded(compared):
    new, _ = compared.runs()
    compared("set", "tiny", "stages.total.enabled=false", "stages.fit.enabled=false")
    text = (compared.folder / "pipeline.yaml").read_text()
    (compared.folder / "pipeline.yaml").write_text(text + 'partition: "${trigger.date}"\n')
    assert compared("run", ".", "--date", "2024-01").returncode != 0
    done = compared("diff", "tiny", new, "tiny")
    refused = compared.runs()[0]
    assert done.returncode == 0
    assert done.stderr.splitlines()[0] == f"{refused} was rejected: stages are not compared"
    assert "REJECTED" in done.stdout.splitlines()[1]
