"""Run a concurrent action at an exact moment of the code under test."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.waiting import PATIENCE

MOMENT_SECONDS = 0.2
"""For what must wait until the moment is over."""


class Meanwhile:
    """Whenever `name` of `owner` has been called, and before its caller goes on, `act` begins beside it."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, act: Callable[..., Any], *, before: bool
    ) -> None:
        self.errors: list[Exception] = []
        self.called = 0
        called = getattr(owner, name)

        def moment(*arguments: Any) -> Any:
            answer = None if before else called(*arguments)
            self.called += 1
            begun = threading.Event()
            beside = threading.Thread(target=self._act, args=(begun, act, *arguments))
            beside.start()
            begun.wait(PATIENCE)
            beside.join(MOMENT_SECONDS)
            return called(*arguments) if before else answer

        monkeypatch.setattr(owner, name, moment)

    def _act(self, begun: threading.Event, act: Callable[..., Any], *arguments: Any) -> None:
        begun.set()
        try:
            act(*arguments)
        except Exception as error:
            self.errors.append(error)
