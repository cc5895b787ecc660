"""Metrics of a log: the values, and regular expressions that would take for ages."""

from __future__ import annotations

import math
import random
import re
import string
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.sagemaker_local.conftest import Bench
from tests.support.waiting import until

from sagemaker_local.api.protocol import ApiError
from sagemaker_local.jobs import matcher
from sagemaker_local.jobs.matcher import Matcher, check_regex
from sagemaker_local.jobs.metrics import BATCH_CHARACTERS, Metrics
from sagemaker_local.service import SageMaker

MAE = {"Name": "mae", "Regex": r"MAE: (\S+)"}
EVIL = {"Name": "evil", "Regex": "(a+)+$"}
LONG = "a" * 60 + "!"
"""`(a+)+$` needs 2^60 steps for it."""


@pytest.fixture(autouse=True)
def short_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matcher, "SECONDS", 0.1)


def final(lines: list[str], *definitions: dict[str, str]) -> tuple[dict[str, float], list[str]]:
    warnings: list[str] = []
    with closing(Metrics(list(definitions), warnings.append)) as metrics:
        for line in lines:
            metrics.observe(line)
        return {item["MetricName"]: item["Value"] for item in metrics.final}, warnings


def test_final_metric_is_the_last_valid_value() -> None:
    lines = ["MAE: 3", "loss MAE: 1.5e-1", "MAE: nan", "MAE: soon"]
    assert final(lines, MAE, {"Name": "other", "Regex": "x=(.*);"}) == ({"mae": 0.15}, [])


def test_lines_beyond_one_batch_are_matched_in_order() -> None:
    lines = [f"MAE: {number} {'x' * 1000}" for number in range(3 * BATCH_CHARACTERS // 1000)]
    assert final(lines, MAE) == ({"mae": len(lines) - 1}, [])


def test_the_matching_process_starts_with_the_first_line() -> None:
    with closing(Metrics([MAE], print)) as metrics:
        assert metrics._matcher._process is None
        metrics.observe("MAE: 1")
        assert metrics._matcher._process is not None


def test_a_metric_without_a_value_is_missing() -> None:
    assert final(["nothing"], MAE) == ({}, [])
    assert final(["MAE: 1"]) == ({}, [])
    assert final(["MAE: 1"], {"Name": "none", "Regex": "MAE: [0-9]"}) == ({}, [])


@pytest.mark.parametrize(
    ("regex", "line"),
    [
        ("(a+)+$", LONG),
        ("(a|aa)+$", LONG),
        ("(?:a*)*b(c)", LONG),
        (r"(\d+)*x(y)", "1" * 60),
        (r"(?:a?){40}a{40}(\d)", "a" * 70),
        (r"(.*)(.*)(.*)(.*)(.*)=[0-9]", "x" * 3000),
        (".*a.*b.*c(d)", "ab" * 100_000),
        (r"(a+)+\1$", LONG),
    ],
)
def test_a_slow_expression_is_skipped_with_its_name_and_the_others_are_matched(regex: str, line: str) -> None:
    values, warnings = final(["MAE: 1", line, "MAE: 2"], {"Name": "evil", "Regex": regex}, MAE)
    assert values == {"mae": 2}
    (warning,) = warnings
    assert "metric evil was not looked for in a line" in warning
    assert "MetricDefinitions[0].Regex" in warning


def test_a_slow_line_does_not_hide_the_values_of_other_lines() -> None:
    values, warnings = final(["aaa", LONG, "aaa MAE: 7"], {"Name": "mae", "Regex": r"(?:a+)+ MAE: (\d)$"})
    assert values == {"mae": 7}
    assert len(warnings) == 1


def test_an_expression_that_is_always_slow_is_dropped() -> None:
    started = time.process_time()
    values, warnings = final([LONG] * 1000 + ["MAE: 2"], EVIL, MAE)
    assert values == {"mae": 2}
    assert ["from here on" in warning for warning in warnings] == [False, True]
    assert time.process_time() - started < 30


def test_other_threads_run_during_a_slow_search() -> None:
    """With `re` in this process, no thread would run before the search ends."""
    with closing(Matcher([EVIL["Regex"]])) as slow:
        thread = threading.Thread(target=slow.search, args=([LONG],))
        thread.start()
        count = 0
        while thread.is_alive():
            count += 1
        thread.join()
    assert count > 100


def test_a_search_can_be_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matcher, "SECONDS", 600.0)
    slow = Matcher([EVIL["Regex"]])
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(slow.search([LONG])))
    thread.start()
    until(lambda: slow._process)
    slow.kill()
    thread.join()
    assert answers == [([], [])]
    assert slow.search(["a"]) == ([], [])
    slow.close()


def test_a_matching_process_that_is_lost_is_reported() -> None:
    warnings: list[str] = []
    with closing(Metrics([MAE], warnings.append)) as metrics:
        metrics.observe("MAE: 1")
        assert metrics.final[0]["Value"] == 1
        process = metrics._matcher._process
        assert process is not None
        process.kill()
        process.wait()
        metrics.observe("MAE: 2")
        assert metrics.final[0]["Value"] == 1
    assert "is not recorded from here on" in warnings[-1]


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_values_are_those_of_re() -> None:
    """Expressions like those of AWS's examples, on random lines: the same values as with `re`."""
    expressions = [
        r".*\[[0-9]+\].*validation-rmse:(\S+)",
        r"loss: ([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)",
        r"(?i)Acc=(.*?);",
        r"é(\d+)|(\d+)",
        r"[[:digit:]](\d)",
    ]
    dice = random.Random(7)
    letters = string.ascii_letters + string.digits + " :;=.é\u2028[]-e\x00"
    parts = ["loss: ", "acc=", "[3] validation-rmse:", "é12", "1e3", ";"]
    words = [dice.choice([dice.choice(parts), dice.choice(letters)]) for _ in range(12_000)]
    lines = ["".join(words[start : start + 30]) for start in range(0, len(words), 30)]
    with closing(Matcher(expressions)) as out_of_process:
        matches, skipped = out_of_process.search(lines)
    assert skipped == []
    assert {(line, index): value for line, index, value in matches} == dict(_by_re(expressions, lines))
    assert len(matches) > 200


def _by_re(expressions: list[str], lines: list[str]) -> Iterator[tuple[tuple[int, int], float]]:
    for index, expression in enumerate(expressions):
        for line, text in enumerate(lines):
            match = re.search(expression, text)
            with suppress(ValueError):
                if match and math.isfinite(value := float(match[1] or "")):
                    yield (line, index), value


@pytest.mark.parametrize("regex", ["(", "a{99999999999}", "(?<=a*)b", "\\", "(" * 5000 + ")" * 5000])
def test_an_expression_that_cannot_be_compiled_is_rejected_with_its_name(regex: str) -> None:
    with pytest.raises(ApiError, match="The regular expression of metric mae is not valid"):
        check_regex("mae", regex)


TRAIN = f"""
import time
print("MAE: 1", flush=True)
for _ in range(2000): print({LONG!r}, "x" * 200, flush=True)
print("MAE: 2", flush=True)
"""
SPEC = {"MetricDefinitions": [{"Name": "evil", "Regex": "(a+)+ x+y$"}, MAE]}


def test_a_slow_metric_neither_stops_the_service_nor_changes_the_job(bench: Bench) -> None:
    bench.train("slow", TRAIN, spec=SPEC)
    job = bench.ended("slow", "Training")
    assert job["TrainingJobStatus"] == "Completed", job
    assert {item["MetricName"]: item["Value"] for item in job["FinalMetricDataList"]} == {"mae": 2}
    assert "WARNING: metric evil is not recorded from here on" in bench.log("slow", "training")


def test_closing_the_service_ends_a_search(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matcher, "SECONDS", 600.0)
    settings = replace(bench.settings, root=tmp_path / "own")
    own = replace(bench, settings=settings, service=SageMaker(settings, lambda _kind, _detail: None))
    own.train("endless", TRAIN, spec=SPEC)
    until(lambda: LONG in own.log("endless", "training"))
    own.service.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "endless"]


def test_a_line_of_many_megabytes_is_matched_in_pieces(bench: Bench) -> None:
    script = "import sys\nfor _ in range(300): sys.stdout.write('MAE: 1 ' * 10000)\nprint('\\nMAE: 3')"
    cubic = {"Name": "cubic", "Regex": ".*A.*E.*(z)"}
    bench.train("long", script, spec={"MetricDefinitions": [MAE, cubic]})
    job = bench.ended("long", "Training")
    assert {item["MetricName"]: item["Value"] for item in job["FinalMetricDataList"]} == {"mae": 3}
    assert "metric cubic is not recorded" in bench.log("long", "training")
