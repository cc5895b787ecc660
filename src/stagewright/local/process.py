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
import errno
import gc
import http.client
import json
import logging
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from sagemaker_local import credentials, shell_variables
from sagemaker_local.errors import SageMakerLocalError
from sagemaker_local.http.listen import listen
from sagemaker_local.state_folder import ACCOUNT, REGION, Identity, Server, new_key, write_private
from stagewright import __version__
from stagewright.errors import StagewrightError, TargetError
from stagewright.local import integrity, leftovers
from stagewright.local.artifacts import Artifacts
from stagewright.local.emulator import server
from stagewright.local.emulator.background import SCHEDULED
from stagewright.local.emulator.engine import Handler
from stagewright.local.errors import translation
from stagewright.local.program import STAGEWRIGHT
from stagewright.local.state import INSTALLATION, PROGRESS, Owner, State

SAVE_SECONDS = 2.0
FINISH_SECONDS = 5.0
"""For functions that run during the stop. A cold one takes a second on a busy machine."""
STOP_SECONDS = 15.0
"""For the whole stop. `down` kills the process a little later."""
GRACE_SECONDS = 0.3
"""For requests that are in progress during the stop."""
PROGRESS_SECONDS = 1.0
POLL_SECONDS = 0.02
"""Between two checks whether runs may start."""
STOPPED = "the local server was stopped"

log = logging.getLogger(__name__)


def main(arguments: list[str]) -> None:
    options = _options(arguments)
    report = partial(_report, options.ready)
    try:
        process = Process(State(Path(options.state)), options.port, report)
    except Exception as error:
        if not isinstance(error, StagewrightError | SageMakerLocalError):
            traceback.print_exc()  # to the log
        failure = translated(error, State(Path(options.state)))
        report({"message": failure.message, "remedy": failure.remedy})
        raise SystemExit(failure.exit_code) from None
    process.run()


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stagewright.local.server")
    parser.add_argument("--state", required=True, help="the state directory")
    parser.add_argument("--port", type=int, help="default: any free port")
    parser.add_argument("--ready", type=int, help="file descriptor for the message that the server is ready")
    return parser.parse_args(arguments)


def _report(descriptor: int | None, message: Mapping[str, str]) -> None:
    if descriptor is not None:
        with contextlib.suppress(OSError):  # the reader has ended
            os.write(descriptor, json.dumps(message).encode() + b"\n")
            if PROGRESS not in message:
                os.close(descriptor)


class Process:
    """The server process. The constructor raises an error if the server cannot start.

    `report` sends a message to the process that started the server: {} for ready, {"progress": ...} for what
    the server does now, otherwise an error.
    """

    def __init__(self, state: State, port: int | None, report: Callable[[Mapping[str, str]], None]) -> None:
        self._state = state
        self._report = report
        state.create()
        self._key = new_key()
        try:
            self._lock = state.hold()
            integrity.require_format(state)
            self._take_over()
            state.require_space()
            integrity.require_intact(state, self._progress)
            state.withdraw()
            self._identity = state.identity()
            self._socket = listen(port, self._identity.port)
            self.port: int = self._socket.getsockname()[1]
            state.remember_port(self.port)
            self.server = self._describe()
            os.environ.update(credentials.environment(self.server))
            os.environ["TMPDIR"] = str(state.fresh_temporary())
        except OSError as error:
            raise state.unusable(error) from error
        shell_variables.withhold(os.environ)
        server.prepare(os.environ, state, self.port)
        self._artifacts = Artifacts.read(INSTALLATION)
        self._is_used = state.services.exists()
        self._is_new = self._prefill()
        self._load()

    def _progress(self, step: str) -> None:
        self._report({PROGRESS: step})

    def _take_over(self) -> None:
        """Kill what an earlier server left, and note in the lock who holds it now."""
        if owner := self._state.owner():
            self._progress("ends the processes of an earlier server")
            leftovers.kill(owner)
        self._state.claim(self._lock, Owner(os.getpid(), self._key[0], __version__))

    def _describe(self) -> Server:
        identity: Identity = replace(self._identity, port=self.port)
        return Server(identity.url, identity.access_key, identity.secret_key, os.getpid(), self._state.root)

    def _prefill(self) -> bool:
        """Restore a snapshot into a new state directory.

        Return True if it is new and there is no snapshot.
        """
        from stagewright.local import snapshot

        if self._is_used:
            return False
        if snapshot.restore(self._state, self._artifacts.digest):
            if integrity.check(self._state):  # the cache is damaged
                snapshot.discard(self._state, self._artifacts.digest)
                return True
            write_private(self._state.provisioned, self._artifacts.digest)
            return False
        return True

    def _load(self) -> None:
        """Import late: ministack reads the environment at import."""
        from sagemaker_local.api import protocol
        from sagemaker_local.http.gate import Access, Gate
        from sagemaker_local.http.gate import Handler as RequestHandler
        from sagemaker_local.service import SageMaker
        from sagemaker_local.settings import Settings
        from stagewright.local import bytecode
        from stagewright.local.deferred_runner import DeferredRunner
        from stagewright.local.glue import protocol as glue_protocol
        from stagewright.local.glue.service import Glue
        from stagewright.local.logs.served_logs import ServedLogs
        from stagewright.local.tasks.changes import Changes

        self._progress("loads the services")
        self._ministack = server.Ministack(*self._key)
        self._ministack.report_restore(self._progress)
        self._ministack.background.may_start = self._state.starts_runs
        archive = self._artifacts.archive
        self._ministack.start_with_bytecode(archive, bytecode.compiled(archive))
        self._changes: Changes = Changes()
        settings = Settings(
            self._state.root / "sagemaker",
            self.server.url,
            *self._key,
            REGION,
            ACCOUNT,
            wait_scale=server.WAIT_SCALE,
            program=STAGEWRIGHT,
        )
        logs = ServedLogs(self._state.root)
        log_service = self._ministack.serve_logs(logs)
        runner = DeferredRunner(self.server, self._state.root)
        self._sagemaker: SageMaker = SageMaker(
            settings, partial(self._publish, "aws.sagemaker"), logs, runner
        )
        glue_settings = replace(settings, root=self._state.glue)
        launcher = self._sagemaker.launcher
        self._glue: Glue = Glue(glue_settings, partial(self._publish, "aws.glue"), launcher, logs)
        self._register_tasks()
        services: dict[str, RequestHandler] = {
            "sagemaker": partial(protocol.handle, self._sagemaker),
            "glue": partial(glue_protocol.handle, self._glue),
            "logs": log_service.handle,
        }
        keys = (self.server.access_key, self.server.secret_key)
        access = Access(self.port, *keys, STAGEWRIGHT, self._key)
        self._gate: Gate = Gate(self._ministack.app, services, access)

    def _register_tasks(self) -> None:
        from stagewright.local.tasks import glue, objects, sagemaker

        tasks = sagemaker.SageMakerTasks(self._sagemaker, self._changes)
        glue_tasks = glue.GlueTasks(self._glue, self._changes)
        handlers: dict[str, Handler] = {
            sagemaker.OPTIMIZED: tasks.optimized,
            sagemaker.SDK: tasks.sdk,
            sagemaker.SDK_INVOKE: tasks.invoke,
            objects.GET_OBJECT: partial(objects.get_object, self._ministack),
            glue.PREFIX: glue_tasks.run,
            glue.SDK: glue_tasks.sdk,
        }
        for prefix, handler in handlers.items():
            self._ministack.register(prefix, handler)
        self._ministack.on_stop = self._changes.announce

    def _publish(self, source: str, detail_type: str, detail: Mapping[str, Any]) -> None:
        self._changes.announce()
        self._ministack.publish(source, detail_type, detail)

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
        self._state.withdraw()
        if code == 0:
            self._state.claim(self._lock, None)
        logging.shutdown()
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(code)

    async def _serve(self) -> None:
        from hypercorn.asyncio import serve
        from hypercorn.config import Config

        config = Config()
        config.bind = [f"fd://{self._socket.detach()}"]
        config.keep_alive_timeout = 75
        config.accesslog = None
        self._stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        threading.Thread(target=self._start, args=(loop,), daemon=True, name="start").start()
        self._saving = asyncio.create_task(self._save_regularly())
        await serve(self._gate, config, shutdown_trigger=self._wait_and_close)  # type: ignore[arg-type]

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Finish the start, which needs a responding server. Requests already wait at the open socket."""
        try:
            self._wait_until_served()
            self._ministack.require_restored()
            self._provision()
            integrity.record(self._state)
            self._sagemaker.start()
            self._glue.start()
            reconciled = self._reconcile()
            self._ministack.background.announce_interrupted()
            self._state.announce(self.server)
        except Exception as error:
            log.exception("the server could not start")
            failure = translated(error, self._state)
            self._report({"message": failure.message, "remedy": failure.remedy})
            loop.call_soon_threadsafe(self._stop.set)
            return
        gc.freeze()  # exclude the imported modules from garbage collection
        self._report({})
        if not reconciled:
            threading.Thread(target=self._sweep_later, daemon=True, name="sweep").start()
        watch = partial(self._stop_when_unused, loop)
        threading.Thread(target=watch, daemon=True, name="users").start()
        for function in self._artifacts.prompt_functions:
            self._ministack.warm(function)

    @contextmanager
    def _reporting(self, step: str) -> Iterator[None]:
        """Report the step, and again whenever the server has done something for it since."""
        done = threading.Event()

        def watch() -> None:
            seen = (-1, -1)
            while not done.wait(PROGRESS_SECONDS):
                now = (self._gate.requests, self._ministack.background.activity())
                if now != seen:
                    self._progress(f"{step}, {now[0]} requests so far")
                seen = now

        self._progress(step)
        watcher = threading.Thread(target=watch, daemon=True, name="progress")
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()

    def _wait_until_served(self) -> None:
        """Wait until the server responds. It does so only after ministack has restored its state."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port)) as connection:
            connection.request("GET", STAGEWRIGHT.health_path)
            connection.getresponse().read()

    def _provision(self) -> None:
        """Create the resources, unless the restored state was provisioned from the same artifacts."""
        done, digest = self._state.provisioned, self._artifacts.digest
        if done.exists() and done.read_bytes() == digest.encode():
            return
        self._progress("creates the resources")
        from stagewright.local import snapshot
        from stagewright.local.provision import provision

        provision(self.server, self._artifacts)
        self._ministack.save()
        if self._is_new:
            self._glue.checkpoint()
            self._ministack.checkpoint()
            snapshot.keep(self._state, digest)
        write_private(done, digest)

    def _reconcile(self) -> bool:
        """Close or start the runs that an earlier server left open, before a client can read them.

        Returns False if no run may start now. Then only runs whose execution has ended are closed.
        """
        if not self._state.needs_reconcile() or not self._is_used:
            return True
        with self._reporting("closes and starts the runs of the earlier server"):
            return self._close_runs()

    def _close_runs(self) -> bool:
        if self._ministack.background.may_start():
            self._sweep()
            return True
        for run in self._open_runs():
            if run["status"]["S"] == "RUNNING":
                self._call("recorder", {"detail": {"executionArn": run["execution"]["S"]}})
        return False

    def _sweep(self) -> None:
        """Invoke the sweeper as its schedule does, without patience: no other function is running."""
        self._call("sweeper", {"detail-type": SCHEDULED, "detail": {"patience": 0}})

    def _sweep_later(self) -> None:
        while not self._ministack.background.may_start():
            time.sleep(POLL_SECONDS)
        self._sweep()

    def _call(self, function: str, event: Mapping[str, Any]) -> None:
        self._ministack.background.invoke(self._artifacts.resources["functions"][function]["name"], event)

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
        self._glue.close()
        self._sagemaker.close()
        self._wait_for_requests()
        if self._ministack.save():
            integrity.record(self._state)
            self._state.mark_saved()
        if finished and not self._open_runs():
            self._state.mark_reconciled()
        self._exit(0)

    def _wait_for_requests(self) -> None:
        deadline = time.monotonic() + GRACE_SECONDS
        while self._gate.active and time.monotonic() < deadline:
            time.sleep(0.002)

    def _open_runs(self) -> list[dict[str, Any]]:
        """Return the headers of open runs as DynamoDB items: one page, the oldest first."""
        return self._ministack.items(INSTALLATION.runs_table, "open_runs", "open", "yes")

    async def _save_regularly(self) -> None:
        """Save changed state every few seconds. ministack saves only when it stops."""
        saved = (0, 0)
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), SAVE_SECONDS)
                return
            seen = (self._gate.requests, self._ministack.background.activity())
            if seen != saved:
                await asyncio.to_thread(self._ministack.save)
                saved = seen


def translated(error: Exception, state: State) -> StagewrightError:
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
