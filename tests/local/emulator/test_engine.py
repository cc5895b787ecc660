"""The time limit of an expression counts CPU time, not the time that its thread waits."""

from __future__ import annotations

import time
from typing import Any

import pytest
from jsonata import Jsonata, timebox
from jsonata.jexception import JException

from stagewright.local.emulator import engine

ENDLESS = "($again := function($n) { $again($n + 1) }; $again(0))"


@pytest.fixture(autouse=True)
def patched_timebox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timebox, "Timebox", timebox.Timebox)
    engine.limit_cpu_time(timebox)


def evaluated(text: str, milliseconds: int) -> Any:
    expression = Jsonata.jsonata(text, timeout=milliseconds)
    expression.register_lambda("wait", lambda: time.sleep(0.4) or 1)
    return expression.evaluate(None)


def test_waiting_does_not_count_toward_the_limit() -> None:
    assert evaluated("$wait() + $wait() + $wait()", 1000) == 3


def test_cpu_time_counts_toward_the_limit() -> None:
    with pytest.raises(JException) as caught:
        evaluated(ENDLESS, 50)
    assert caught.value.error == "D1012"
