"""The lifecycle of the local server process.

Start: lock the state directory, kill what a killed server left, check every file, open the port, load
ministack and the SageMaker and Glue services, serve requests, provision, reconcile the runs of an earlier
server, report ready. Each step is reported, so that the starting command waits as long as there is progress.

Stop (SIGTERM, SIGINT, or no users): stop the executions, wait for the functions that record their end, close
the SageMaker and Glue services while S3 still responds, save the state, kill the Lambda workers, exit.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import http.client
import logging
import os
import signal
import threading
import traceback
from functools import partial
from pathlib import Path

from sagemaker_local import shell_variables
from sagemaker_local.errors import SageMakerLocalError
from stagewright.errors import StagewrightError
from stagewright.local import integrity
from stagewright.local.artifacts import Artifacts
from stagewright.local.created_resources import CreatedResources
from stagewright.local.emulator import server
from stagewright.local.held_state import HeldState
from stagewright.local.open_runs import OpenRuns
from stagewright.local.program import STAGEWRIGHT
from stagewright.local.services import Services
from stagewright.local.start_report import StartReport
from stagewright.local.state import INSTALLATION, State

SAVE_SECONDS = 2.0
FINISH_SECONDS = 5.0
"""For functions that run during the stop. A cold one takes a second on a busy machine."""
STOP_SECONDS = 15.0
"""For the whole stop. `down` kills the process a little later."""
STOPPED = "the local server was stopped"

log = logging.getLogger(__name__)


def main(arguments: list[str]) -> None:
    options = _options(arguments)
    state, report = State(Path(options.state)), StartReport(options.ready)
    try:
        process = Process(state, options.port, report)
    except Exception as error:
        if not isinstance(error, StagewrightError | SageMakerLocalError):
            traceback.print_exc()  # to the log
        raise SystemExit(report.failed(error, state).exit_code) from None
    process.run()


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stagewright.local.server")
    parser.add_argument("--state", required=True, help="the state directory")
    parser.add_argument("--port", type=int, help="default: any free port")
    parser.add_argument("--ready", type=int, help="file descriptor for the message that the server is ready")
    return parser.parse_args(arguments)


class Process:
    """The server process. The constructor raises an error if the server cannot start."""

    def __init__(self, state: State, port: int | None, report: StartReport) -> None:
        self._state = state
        self._report = report
        self._held = HeldState(state, port, report.progress)
        shell_variables.withhold(os.environ)
        server.prepare(os.environ, state, self._held.port)
        self._artifacts = Artifacts.read(INSTALLATION)
        self._resources = CreatedResources(state, self._artifacts)
        self._services = Services(state, self._held, self._artifacts, report.progress)
        self._ministack = self._services.ministack
        self._runs = OpenRuns(self._ministack, self._artifacts)

    def run(self) -> None:
        """Serve until the stop, then end the process. Never returns."""
        try:
            asyncio.new_event_loop().run_until_complete(self._serve())
        except Exception:
            log.exception("the server failed")
            self._exit(1)
        self._exit(0)

    def _exit(self, code: int) -> None:
        """End the process at once, whatever its threads wait for, and kill its group.

        The processes of functions are in the group, including those that are starting.
        """
        self._held.leave(code)
        logging.shutdown()
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(code)

    async def _serve(self) -> None:
        from hypercorn.asyncio import serve
        from hypercorn.config import Config

        config = Config()
        config.bind = [f"fd://{self._held.socket.detach()}"]
        config.keep_alive_timeout = 75
        config.accesslog = None
        self._stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        threading.Thread(target=self._start, args=(loop,), daemon=True, name="start").start()
        self._saving = asyncio.create_task(self._save_regularly())
        await serve(self._services.gate, config, shutdown_trigger=self._wait_and_close)  # type: ignore[arg-type]

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Finish the start, which needs a responding server. Requests already wait at the open socket."""
        try:
            self._wait_until_served()
            self._ministack.require_restored()
            self._resources.complete(self._held.server, self._services, self._report.progress)
            integrity.record(self._state)
            self._services.sagemaker.start()
            self._services.glue.start()
            reconciled = self._reconcile()
            self._ministack.background.announce_interrupted()
            self._state.announce(self._held.server)
        except Exception as error:
            log.exception("the server could not start")
            self._report.failed(error, self._state)
            loop.call_soon_threadsafe(self._stop.set)
            return
        gc.freeze()  # exclude the imported modules from garbage collection
        self._report.ready()
        if not reconciled:
            threading.Thread(target=self._runs.sweep_later, daemon=True, name="sweep").start()
        watch = partial(self._stop_when_unused, loop)
        threading.Thread(target=watch, daemon=True, name="users").start()
        for function in self._artifacts.prompt_functions:
            self._ministack.warm(function)

    def _wait_until_served(self) -> None:
        """Wait until the server responds. It does so only after ministack has restored its state."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._held.port)) as connection:
            connection.request("GET", STAGEWRIGHT.health_path)
            connection.getresponse().read()

    def _reconcile(self) -> bool:
        """Close or start the runs that an earlier server left open, before a client can read them.

        Returns False if no run may start now. Then only runs whose execution has ended are closed.
        """
        if not self._state.needs_reconcile() or not self._resources.were_used:
            return True
        with self._report.during("closes and starts the runs of the earlier server", self._services.activity):
            return self._runs.reconcile()

    def _stop_when_unused(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop a temporary server when it has no users. Its lock keeps new ones out."""
        lock = self._state.wait_until_unused()
        if self._state.is_persistent:
            os.close(lock)
        else:
            loop.call_soon_threadsafe(self._stop.set)

    async def _wait_and_close(self) -> None:
        await self._stop.wait()
        self._state.withdraw()
        watchdog = threading.Timer(STOP_SECONDS, self._exit, [1])
        watchdog.daemon = True
        watchdog.start()
        await self._saving
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        """Stop and exit here: hypercorn would wait for idle connections, and ministack would save again."""
        finished = self._ministack.background.finish(STOPPED, FINISH_SECONDS)
        self._services.glue.close()
        self._services.sagemaker.close()
        self._services.wait_for_requests()
        if self._ministack.save():
            integrity.record(self._state)
            self._state.mark_saved()
        if finished and not self._runs.items():
            self._state.mark_reconciled()
        self._exit(0)

    async def _save_regularly(self) -> None:
        """Save changed state every few seconds. ministack saves only when it stops."""
        saved = (0, 0)
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), SAVE_SECONDS)
                return
            seen = self._services.activity()
            if seen != saved:
                await asyncio.to_thread(self._ministack.save)
                saved = seen
