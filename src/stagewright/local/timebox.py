"""The second that an expression may take (Step Functions Developer Guide, "Transforming data with JSONata").

jsonata-python measures it on the clock, so that on a busy machine a run would fail because its thread waited
for its turn. Here it is the time that the thread has worked.
"""

from __future__ import annotations

import time
from types import ModuleType
from typing import Any


def mend(module: ModuleType) -> None:
    """`module`: jsonata.timebox. Expressions that are made from now on are measured so."""

    class Timebox(module.Timebox):  # type: ignore[misc, name-defined]
        time: float

        def __init__(self, *given: Any) -> None:
            self.began = time.thread_time()
            super().__init__(*given)

        def check_runaway(self) -> None:
            now = self.current_milli_time()
            if self.timeout is not None and now - self.time > self.timeout:
                self.time = now - 1000 * (time.thread_time() - self.began)
            super().check_runaway()

    module.Timebox = Timebox  # type: ignore[attr-defined]
