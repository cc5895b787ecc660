"""What is done again and again, beside everything else."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Periodic:
    """Calls `act` every so many seconds, from a thread of its own that starts when first needed."""

    def __init__(self, name: str, seconds: float, act: Callable[[], None]) -> None:
        self._seconds = seconds
        self._act = act
        self._ended = threading.Event()
        self._starting = threading.Lock()
        self._begun = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def begin(self) -> None:
        """Nothing where it has begun already, or ended."""
        with self._starting:
            if not self._begun and not self._ended.is_set():
                self._begun = True
                self._thread.start()

    def close(self) -> None:
        """Waits for what is under way."""
        with self._starting:
            self._ended.set()
        if self._begun:
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                self._act()
            except Exception:
                log.exception("%s", self._thread.name)
