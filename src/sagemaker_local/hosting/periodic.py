"""Calls a function periodically in a background thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Periodic:
    """Calls `act` every `seconds`. The thread starts on first use."""

    def __init__(self, name: str, seconds: float, act: Callable[[], None]) -> None:
        self._seconds = seconds
        self._act = act
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._started = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread, unless it has started or `close` was called."""
        with self._lock:
            if not self._started and not self._ended.is_set():
                self._started = True
                self._thread.start()

    def close(self) -> None:
        """Stop, and wait for a call in progress."""
        with self._lock:
            self._ended.set()
        if self._started:
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                self._act()
            except Exception:
                log.exception("%s", self._thread.name)
