"""The process of a local server, from its first to its last breath.

Start: hold the state directory, open the port, load ministack and the SageMaker service, serve, provision,
say "ready". End (SIGTERM, SIGINT, or the owner's death): close the SageMaker service while S3 still
answers, stop serving, save, end the Lambda workers, leave.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import http.client
import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stagewright.errors import StagewrightError, TargetError
from stagewright.local import credentials, ministack
from stagewright.local.artifacts import Artifacts
from stagewright.local.state import ACCOUNT, INSTALLATION, REGION, Identity, Server, State, unusable

if TYPE_CHECKING:
    from stagewright.local.sagemaker.service import SageMaker
    from stagewright.local.wrapper import Wrapper

SAVE_SECONDS = 2.0
OWNER_SECONDS = 0.2
LEAVE_SECONDS = 5.0
GRACE_SECONDS = 0.3
"""For requests that are under way at the end. Idle connections take it up in full."""
EVENT_SOURCE = "aws.sagemaker"

log = logging.getLogger(__name__)


def main(arguments: list[str]) -> None:
    options = _options(arguments)
    say = partial(_say, options.ready)
    try:
        process = Process(State(Path(options.state)), options.port, options.owner, say)
    except StagewrightError as error:
        say({"message": error.message, "remedy": error.remedy})
        raise SystemExit(error.exit_code) from None
    process.run()


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stagewright.local.server")
    parser.add_argument("--state", required=True, help="the state directory")
    parser.add_argument("--port", type=int, help="any free port when left out")
    parser.add_argument("--owner", type=int, help="process id whose end ends the server")
    parser.add_argument("--ready", type=int, help="file descriptor that is told when the server is ready")
    return parser.parse_args(arguments)


def _say(descriptor: int | None, answer: Mapping[str, str]) -> None:
    if descriptor is not None:
        with contextlib.suppress(OSError):  # whoever asked is gone
            os.write(descriptor, json.dumps(answer).encode() + b"\n")
            os.close(descriptor)


class Process:
    """TargetError from its making where the server cannot start. `say` answers whoever waits: {} is ready."""

    def __init__(
        self, state: State, port: int | None, owner: int | None, say: Callable[[Mapping[str, str]], None]
    ) -> None:
        self._state = state
        self._owner = owner
        self._say = say
        state.create()
        self._lock = state.hold()
        state.withdraw()
        try:
            self._identity = state.identity()
            self._socket = listen(port, self._identity.port)
            self.port: int = self._socket.getsockname()[1]
            state.remember_port(self.port)
            self.server = self._describe()
            os.environ.update(credentials.environment(self.server))
            os.environ["TMPDIR"] = str(state.fresh_temporary())
        except OSError as error:
            raise unusable(state.root, error) from error
        ministack.prepare(os.environ, state, self.port)
        self._artifacts = Artifacts.read(INSTALLATION)
        self._is_new = self._prefill()
        self._load()

    def _describe(self) -> Server:
        identity: Identity = self._identity
        url = f"http://127.0.0.1:{self.port}"
        return Server(url, identity.access_key, identity.secret_key, os.getpid(), self._state.root)

    def _prefill(self) -> bool:
        """True for a state directory that was never used, and for which there is no snapshot either."""
        from stagewright.local import snapshot

        if self._state.services.exists():
            return False
        if snapshot.restore(self._state, self._artifacts.digest):
            self._state.provisioned.write_text(self._artifacts.digest)
            return False
        return True

    def _load(self) -> None:
        """Imports late, since ministack reads the environment when it is imported."""
        from stagewright.local import integration
        from stagewright.local.sagemaker.service import SageMaker
        from stagewright.local.sagemaker.settings import Settings
        from stagewright.local.wrapper import Wrapper

        key = (self.server.access_key, self.server.secret_key)
        self._ministack = ministack.Ministack(*key)
        self._changes = integration.Changes()
        settings = Settings(
            self._state.root / "sagemaker",
            self.server.url,
            *key,
            REGION,
            ACCOUNT,
            wait_scale=ministack.WAIT_SCALE,
        )
        self._sagemaker: SageMaker = SageMaker(settings, self._publish)
        tasks = integration.SageMakerTasks(self._sagemaker, self._changes)
        self._ministack.register(integration.OPTIMIZED, tasks.optimized)
        self._ministack.register(integration.SDK, tasks.sdk)
        self._ministack.register(integration.SDK_GET_OBJECT, partial(integration.get_object, self._ministack))
        self._ministack.on_stop = self._changes.announce
        self._wrapper: Wrapper = Wrapper(self._ministack.app, self._sagemaker, self.port, *key)

    def _publish(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        self._changes.announce()
        self._ministack.publish(EVENT_SOURCE, detail_type, detail)

    def run(self) -> None:
        """Returns never."""
        try:
            asyncio.new_event_loop().run_until_complete(self._serve())
        except Exception:
            log.exception("the server failed")
            self._leave(1)
        self._leave(0)

    def _leave(self, code: int) -> None:
        """At once: threads that still wait for something must not hold the process."""
        self._ministack.close()
        self._state.withdraw()
        logging.shutdown()
        os._exit(code)

    async def _serve(self) -> None:
        from hypercorn.asyncio import serve
        from hypercorn.config import Config

        config = Config()
        config.bind = [f"fd://{self._socket.detach()}"]
        config.keep_alive_timeout = 75
        config.graceful_timeout = GRACE_SECONDS
        config.accesslog = None
        self._stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        threading.Thread(target=self._begin, args=(loop,), daemon=True, name="begin").start()
        self._saving = asyncio.create_task(self._save_now_and_then())
        await serve(self._wrapper, config, shutdown_trigger=self._wait_and_close)  # type: ignore[arg-type]

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """What needs a server that answers. The socket listens already: requests wait for the loop."""
        try:
            self._wait_until_served()
            self._provision()
            self._sagemaker.start()
            self._ministack.announce_interrupted()
            self._state.announce(self.server)
        except Exception as error:
            log.exception("the server could not begin")
            self._say(
                {"message": f"The local server could not begin: {error}", "remedy": f"see {self._state.log}"}
            )
            loop.call_soon_threadsafe(self._stop.set)
            return
        self._say({})
        if self._owner is not None:
            watch = partial(self._end_with, self._owner, loop)
            threading.Thread(target=watch, daemon=True, name="owner").start()
        for function in self._artifacts.prompt_functions:
            self._ministack.warm(function)

    def _explain(self, error: Exception) -> StagewrightError:
        match error:
            case StagewrightError():
                return error
            case OSError(errno=errno.ENOSPC):
                return unusable(self._state.root, error)
        return TargetError(f"The local server could not begin: {error}", f"see {self._state.log}")

    def _wait_until_served(self) -> None:
        """The loop takes the first request only after ministack has restored its state."""
        from stagewright.local import wrapper

        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request("GET", wrapper.HEALTH_PATH)
            connection.getresponse().read()

    def _provision(self) -> None:
        """Nothing to do where these very artefacts were provisioned: they are in the restored state."""
        done, digest = self._state.provisioned, self._artifacts.digest
        if done.exists() and done.read_text() == digest:
            return
        from stagewright.local import snapshot
        from stagewright.local.provision import provision

        provision(self.server, self._artifacts)
        self._ministack.save()
        if self._is_new:
            snapshot.keep(self._state, digest)
        done.write_text(digest)

    def _end_with(self, owner: int, loop: asyncio.AbstractEventLoop) -> None:
        wait_for_exit(owner)
        loop.call_soon_threadsafe(self._stop.set)

    async def _wait_and_close(self) -> None:
        await self._stop.wait()
        self._state.withdraw()
        await self._saving
        await asyncio.to_thread(self._sagemaker.close)
        await asyncio.to_thread(self._ministack.save)
        late = threading.Timer(LEAVE_SECONDS, self._leave, [0])  # a client may hold a request open for long
        late.daemon = True
        late.start()

    async def _save_now_and_then(self) -> None:
        """So that little is lost when the process is killed. ministack saves only when it is stopped."""
        saved = (0, 0)
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), SAVE_SECONDS)
                return
            seen = (self._wrapper.requests, self._ministack.activity())
            if seen != saved:
                await asyncio.to_thread(self._ministack.save)
                saved = seen


def listen(port: int | None, remembered: int) -> socket.socket:
    """A socket that listens on loopback: at `port`, or at the remembered one if free, or at any.

    Raises:
        TargetError: `port` is in use, or not allowed.
    """
    if port is None and remembered:
        with contextlib.suppress(OSError):
            return _bound(remembered)
    try:
        return _bound(port or 0)
    except (OSError, OverflowError) as error:
        if getattr(error, "errno", 0) == errno.EADDRINUSE:
            message = f"Port {port} of 127.0.0.1 is in use by another program"
            raise TargetError(message, "choose another port, or none for a free one") from error
        raise TargetError(
            f"Port {port} of 127.0.0.1 cannot be opened: {error}", "choose another port"
        ) from error


def _bound(port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(("127.0.0.1", port))
        opened.listen(256)
    except BaseException:
        opened.close()
        raise
    return opened


def wait_for_exit(pid: int) -> None:
    """Returns when that process has ended. A system without process descriptors is asked now and then."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):
        while True:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            time.sleep(OWNER_SECONDS)
    import select

    select.select([descriptor], [], [])
    os.close(descriptor)
