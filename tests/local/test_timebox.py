"""A second of work for an expression, however long its thread waits for its turn."""

from __future__ import annotations

import time
from typing import Any

import pytest
from jsonata import Jsonata, timebox
from jsonata.jexception import JException

from stagewright.local.emulator import patches as ours

ENDLESS = "($again := function($n) { $again($n + 1) }; $again(0))"


@pytest.fixture(autouse=True)
def mended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timebox, "Timebox", timebox.Timebox)
    ours.mend(timebox)


def evaluated(text: str, milliseconds: int) -> Any:
    expression = Jsonata.jsonata(text, timeout=milliseconds)
    expression.register_lambda("wait", lambda: time.sleep(0.4) or 1)
    return expression.evaluate(None)


def test_waiting_does_not_count() -> None:
    assert evaluated("$wait() + $wait() + $wait()", 1000) == 3


def test_work_does() -> None:
    with pytest.raises(JException) as caught:
        evaluated(ENDLESS, 50)
    assert caught.value.error == "D1012"
