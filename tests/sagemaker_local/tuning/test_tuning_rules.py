"""Completion criteria of a tuning job, and early stopping of its training jobs."""

from __future__ import annotations

from contextlib import closing

import pytest

from sagemaker_local.jobs.matcher import Matcher
from sagemaker_local.tuning import early_stopping
from sagemaker_local.tuning.completion import Completion, not_improving
from sagemaker_local.tuning.early_stopping import Progress, falls_behind


@pytest.mark.parametrize(
    ("rule", "seconds", "objectives", "reached"),
    [
        (Completion(maximize=False), 10**9, [0.0] * 99, False),
        (Completion(maximize=False, seconds=120), 119.9, [], False),
        (Completion(maximize=False, seconds=120), 120, [], True),
        (Completion(maximize=False, target=0.5), 1, [0.6], False),
        (Completion(maximize=False, target=0.5), 1, [0.6, 0.5], True),
        (Completion(maximize=True, target=0.5), 1, [0.6, 0.4], True),
        (Completion(maximize=True, not_improving=3), 1, [1.0, 1.005, 0.9, 1.0], True),
        (Completion(maximize=True, not_improving=3), 1, [1.0, 0.9, 0.9, 1.2], False),
    ],
)
def test_completion(rule, seconds, objectives, reached):
    assert rule.reached(seconds, objectives) is reached


@pytest.mark.parametrize(
    ("objectives", "maximize", "count"),
    [
        ([], False, 0),
        ([1.0], False, 0),
        ([1.0, 0.5, 0.499, 0.6], False, 2),
        ([-1.0, -0.5, -0.6], True, 1),
        ([0.0, 0.1], True, 0),
    ],
)
def test_change_below_one_percent_is_no_improvement(objectives, maximize, count):
    assert not_improving(objectives, maximize=maximize) == count


EARLIER = [[4.0, 2.0, 0.0], [8.0, 4.0], [6.0, 6.0, 6.0]]
"""Running averages: 4, 3, 2; 8, 6, 6; 6, 6, 6. Medians: 6, 6, 6."""


@pytest.mark.parametrize(
    ("values", "since", "maximize", "behind"),
    [
        ([5.0], 0, False, False),
        ([6.0], 0, False, False),
        ([7.0], 0, False, True),
        ([7.0, 1.0], 1, False, False),
        ([7.0, 1.0], 0, False, True),
        ([5.0], 0, True, True),
        ([7.0, 6.5], 0, True, False),
    ],
)
def test_job_worse_than_the_median_falls_behind(values, since, maximize, behind):
    assert falls_behind(values, since, EARLIER, maximize=maximize) is behind


def test_nothing_falls_behind_without_previous_jobs():
    assert not falls_behind([9.0], 0, [], maximize=False)
    assert not falls_behind([9.0], 0, [[]], maximize=False)


def test_progress_reads_only_complete_lines(tmp_path):
    log = tmp_path / "log"
    progress = Progress(log, Matcher(["loss: ([0-9.]+)"]))
    assert (progress.follow(), progress.values) == (0, [])
    log.write_text("starts\nloss: 3.5\nloss: 2")
    assert (progress.follow(), progress.values) == (0, [3.5])
    log.write_text("starts\nloss: 3.5\nloss: 2.25\n")
    assert (progress.follow(), progress.values) == (1, [3.5, 2.25])
    progress.close()


def test_progress_reads_a_large_log_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(early_stopping, "BATCH_LINES", 10)
    log = tmp_path / "log"
    log.write_text("".join(f"{'x' * 90}\rloss: {number}\n" for number in range(50)))
    with closing(Progress(log, Matcher(["loss: ([0-9.]+)"]))) as progress:
        progress.follow()
    assert progress.values == [float(number) for number in range(50)]
