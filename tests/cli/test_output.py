"""Times, figures and JSON as they are printed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from stagewright.api import formatting
from stagewright.cli.commands.inspect.logs import nothing_logged
from stagewright.cli.common import output, summary
from stagewright.cli.common.plan import print_cost, print_plan
from stagewright.errors import DocumentError, Problem, RunFailedError
from stagewright.planner.model import Plan, StagePlan, Trigger

START = "2026-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        ("2026-01-01T00:00:02.340Z", "2.3 s"),
        ("2026-01-01T00:01:02.000Z", "1 min 02 s"),
        ("2026-01-01T02:05:00.000Z", "2 h 05 min"),
        ("2025-12-31T23:59:59.000Z", "0.0 s"),
    ],
)
def test_duration_is_readable(ended, said):
    assert formatting.duration(START, ended) == said


def test_duration_before_the_start_is_empty():
    assert formatting.duration("") == ""


def test_metrics_are_short():
    assert (
        formatting.format_metrics({"r2": 0.917, "mae": 15164.5, "rows": 2_500_000})
        == "r2 0.917, mae 15164.5, rows 2500000"
    )


@dataclass(frozen=True)
class Thing:
    place: Path
    parts: tuple[int, ...]


def test_plain_converts_values_to_json_types(capsys):
    output.print_json({"thing": Thing(Path("a"), (1, 2)), 3: None, "é": True})
    assert json.loads(capsys.readouterr().out) == {
        "thing": {"place": "a", "parts": [1, 2]},
        "3": None,
        "é": True,
    }


def test_error_and_remedy_go_to_standard_error(capsys):
    output.fail(RunFailedError("it broke", "mend it"), as_json=False, debug=False)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "error: it broke\n  try: mend it\n"


def test_json_error_has_its_problems(capsys):
    problem = Problem("stages.a", "wrong", "mend it", "pipeline.yaml", 3)
    output.fail(DocumentError((problem,)), as_json=True, debug=False)
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["type"] == "DocumentError"
    assert error["problems"] == [
        {"path": "stages.a", "message": "wrong", "remedy": "mend it", "file": "pipeline.yaml", "line": 3}
    ]


def test_table_without_a_terminal_has_no_trailing_blanks(capsys):
    output.table(("run", "why"), [("a", ""), ("bb", "x")])
    assert capsys.readouterr().out == "run  why\na\nbb   x\n"


def test_counted_uses_singular_and_plural():
    assert [output.counted(number, "stage") for number in (0, 1, 2)] == ["0 stages", "1 stage", "2 stages"]


def test_failure_reason_of_a_script_is_its_last_line():
    reason = 'AlgorithmError: ExecuteUserScriptError:\nExitCode 2\nErrorMessage "fit.py: error: say "x""\n'
    reason += 'Command "python3 fit.py --depth 3", exit code: 1'
    assert formatting.one_line(f"fit: {reason}") == 'fit: fit.py: error: say "x" (exit code 2)'
    assert formatting.one_line(reason[:100]) == 'fit.py: error: say "x" (exit code 2)'
    assert formatting.one_line("AlgorithmError: x, exit code: 3") == "AlgorithmError: x, exit code: 3"


def test_table_without_a_terminal_keeps_every_character(capsys):
    output.table(("run", "why"), [("a", "x" * 300), ("bb", "[bold]y[/bold]")])
    said = capsys.readouterr().out
    assert "x" * 300 in said
    assert "[bold]y[/bold]" in said
    assert "\x1b" not in said


def test_only_tuned_hyperparameters_are_shown():
    given = {"depth": "3", "criterion": "squared_error", "rate": "1e-05", "epochs": "9"}
    result = {"hyperparameters": given, "tuned": ["depth", "criterion", "rate"]}
    assert formatting.tuned_hyperparameters(result) == "depth=3, criterion=squared_error, rate=1e-05"


def test_result_of_an_approval_names_who_approved_and_why():
    answer = {"approved_by": "ada", "why": "better\nnow", "at": "2026-11-22T14:00:00.000Z"}
    assert summary.result_of(SimpleNamespace(metrics={}, result=answer)) == "approved by ada: better now"
    assert summary.result_of(SimpleNamespace(metrics={}, result={"approved_by": "ada"})) == "approved by ada"


def test_instances_that_stay_after_a_run_are_listed(capsys):
    stays = SimpleNamespace(instances=2, instance_type="ml.m5.large", purpose="endpoint", hours=None)
    plan = SimpleNamespace(stages=[SimpleNamespace(uses=[stays])], currency="")
    print_cost(plan)
    assert capsys.readouterr().out == "after the run, until you delete it: 2 x ml.m5.large (endpoint)\n"


@pytest.mark.parametrize(
    ("stage", "status", "message"),
    [
        ("train", "REUSED", "no log lines of train"),
        (None, "SKIPPED", "no log lines of a-run"),
        (
            None,
            "REUSED",
            "no log lines of a-run; stagewright logs a-run STAGE prints the log of a reused stage",
        ),
    ],
)
def test_run_without_log_lines_is_explained(stage, status, message):
    record = SimpleNamespace(run="a-run", stages=[SimpleNamespace(name="train", status=status)])
    assert nothing_logged(record, stage) == message


@pytest.mark.parametrize(("variables", "colored"), [({}, 0), ({"FORCE_COLOR": "1"}, 1)])
def test_state_is_colored_and_a_reason_is_not(capsys, monkeypatch, variables, colored):
    for name in ("FORCE_COLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    output.table(("stage", "state", "why"), [("a", "FAILED", "FAILED, as " + "long " * 60)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].count("\x1b[31m") == colored


def test_plan_ends_with_what_the_stages_would_do(capsys):
    actions = ("run", "reuse", "run", "skip")
    stages = tuple(StagePlan(f"s{number}", "gate", action, "why") for number, action in enumerate(actions))
    trigger = Trigger("manual", "manual:1", START)
    print_plan(Plan("r", "p", "default", trigger, "", 1, stages, ((("s0", "s2"),),)))
    assert capsys.readouterr().out.splitlines()[-1] == "2 run, 1 reused, 1 skipped"
