"""What a starting server reports to the process that started it, which waits as long as there is progress."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from sagemaker_local.errors import SageMakerLocalError
from stagewright.errors import StagewrightError, TargetError
from stagewright.local.errors import translation
from stagewright.local.state import PROGRESS, State

PROGRESS_SECONDS = 1.0


class StartReport:
    """Sends messages to a file descriptor: {"progress": ...}, and at last {} for ready or an error.

    `descriptor`: None if there is no reader.
    """

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def progress(self, step: str) -> None:
        """Report what the server does now."""
        self._send({PROGRESS: step})

    @contextmanager
    def during(self, step: str, activity: Callable[[], tuple[int, int]]) -> Iterator[None]:
        """Report the step, and again whenever the server has done something for it since.

        `activity`: returns the numbers of requests and of background tasks so far.
        """
        done = threading.Event()

        def watch() -> None:
            seen = (-1, -1)
            while not done.wait(PROGRESS_SECONDS):
                now = activity()
                if now != seen:
                    self.progress(f"{step}, {now[0]} requests so far")
                seen = now

        self.progress(step)
        watcher = threading.Thread(target=watch, daemon=True, name="progress")
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def ready(self) -> None:
        """Report that the server is ready."""
        self._send({})

    def failed(self, error: Exception, state: State) -> StagewrightError:
        """Report that the server cannot start, and return the error with a message for the user."""
        failure = _translated(error, state)
        self._send({"message": failure.message, "remedy": failure.remedy})
        return failure

    def _send(self, message: Mapping[str, str]) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # the reader has ended
                os.write(self._descriptor, json.dumps(message).encode() + b"\n")
                if PROGRESS not in message:
                    os.close(self._descriptor)


def _translated(error: Exception, state: State) -> StagewrightError:
    """Return an error of the start as one with a message and a remedy for the user."""
    match error:
        case StagewrightError():
            return error
        case SageMakerLocalError():
            return translation(error)
        case OSError(errno=errno.ENOSPC):
            return translation(state.unusable(error))
        case ModuleNotFoundError():
            message = f"The local server needs {error.name}, which is not installed"
            return TargetError(message, "pip install 'stagewright[all]'")
    return TargetError(f"The local server could not start: {error}", f"see {state.log}")
