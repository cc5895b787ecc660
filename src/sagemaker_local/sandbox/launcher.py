"""Starts commands that see a folder as /opt/ml, and ends them with everything that they started."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sagemaker_local.sandbox import rewrite
from sagemaker_local.sandbox.enter import END_NOW
from sagemaker_local.sandbox.isolation import Isolation, enter, probe, watch, write_hosts

END_SECONDS = 5.0
"""How long a command and its process tree have to end before they are killed."""


@dataclass(frozen=True)
class Command:
    """A command to run. It sees `folder` as /opt/ml; it also owns the parent folder."""

    folder: Path
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str = "/opt/ml"
    host: str = "algo-1"
    hosts: tuple[str, ...] = ("algo-1",)
    """Host names that the command can resolve, in the order of their addresses."""
    separate_errors: bool = False
    """Whether standard error is a separate stream."""
    isolated: bool = False
    """Whether the command has no network. Without namespaces it has one."""


class Process:
    """A running command. `output` is its standard output and error; it ends when the whole process tree has.

    `errors` is standard error if it is a separate stream.
    """

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        assert popen.stdout is not None  # noqa: S101 -- opened as a pipe below
        self.output: IO[bytes] = popen.stdout
        self.errors: IO[bytes] | None = popen.stderr
        self._popen = popen

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def terminate(self) -> None:
        """Send SIGTERM to the command only, as `docker stop` does."""
        if self.running:
            self._popen.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the whole process tree, including processes that left the session, and wait for it."""
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        else:
            self._popen.send_signal(END_NOW)
            self._popen.send_signal(signal.SIGCONT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(END_SECONDS)
        self._popen.kill()
        self._popen.wait()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code: 128 + n for signal n. subprocess.TimeoutExpired if the command still
        runs."""
        code = self._popen.wait(timeout)
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        return code if code >= 0 else 128 - code


class Launcher:
    """Starts every command from one thread that lives as long as the service.

    The kernel's parent-death signal follows the thread that forked, not its process. A command started from a
    short-lived thread would die with that thread (prctl(2), PR_SET_PDEATHSIG).
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sandbox")
        self._probe = self._thread.submit(probe)

    @property
    def isolation(self) -> Isolation:
        return self._probe.result()

    def start(self, command: Command) -> Process:
        """Start a command. OSError if it cannot start; its exit code is 127 if the program does not exist."""
        return self._thread.submit(self._start, command).result()

    def close(self) -> None:
        self._thread.shutdown()

    def _start(self, command: Command) -> Process:
        folder = command.folder.resolve()
        if mode := self.isolation.mode:
            hosts = write_hosts(folder.parent, command.hosts)
            own = list(command.argv)
            argv = enter(mode, folder, hosts, command.cwd, own, command.host, isolated=command.isolated)
            return _spawn(argv, command.env, subprocess.DEVNULL, command.separate_errors)
        rewrite.files(folder)
        argv = watch(rewrite.text(command.cwd, folder), [rewrite.text(item, folder) for item in command.argv])
        env = rewrite.environment(command.env, folder)
        return _spawn(argv, env, subprocess.PIPE, command.separate_errors)


def _spawn(argv: list[str], env: Mapping[str, str], stdin: int, separate_errors: bool) -> Process:
    return Process(
        subprocess.Popen(
            argv,
            env=dict(env),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if separate_errors else subprocess.STDOUT,
            start_new_session=True,
        )
    )
