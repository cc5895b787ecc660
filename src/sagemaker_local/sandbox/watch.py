"""Runs one command without namespaces, and ends its process tree with it or with the service.

Run by path with `python -I -S`, standard library only:

    watch.py CWD COMMAND...

Standard input is a pipe that only the service holds. When it closes, everything is killed. Processes that
left the session are found as descendants: on Linux this process adopts orphans (PR_SET_CHILD_SUBREAPER); on
macOS an orphan that also left the session is not found.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_CHILD_SUBREAPER = 36
KILLED = 137


def main(cwd: str, command: list[str]) -> int:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    received = signals(signal.SIGTERM, signal.SIGCHLD)
    try:
        child = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, start_new_session=True)
    except FileNotFoundError:
        sys.stderr.write(f"cannot run {command[0]}: no such file or directory\n")
        return 127
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error}\n")
        return 126
    threading.Thread(target=end_with_service, args=(child.pid,), daemon=True).start()
    while (code := child.poll()) is None:
        if os.read(received, 1)[0] == signal.SIGTERM:
            child.send_signal(signal.SIGTERM)
    end_tree(child.pid)
    return code if code >= 0 else 128 - code


def signals(*numbers: signal.Signals) -> int:
    """A pipe that receives the number of each signal. Signals wait in the pipe until they are read.

    A Python handler is not enough. One that runs just before the process waits for its child is deferred
    until the child ends (signal, "Execution of Python signal handlers").
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in numbers:
        signal.signal(number, lambda *_: None)
    return reading


def end_with_service(session: int) -> None:
    while os.read(0, 1):
        pass
    end_tree(session)
    os._exit(KILLED)


def end_tree(session: int) -> None:
    """Kill the session and all descendants. Repeats, because a process may fork while its parent is
    killed."""
    while True:
        group_gone = not kill_group(session)
        running = descendants(os.getpid())
        for process in running:
            kill(process)
        reap()
        if group_gone and not running:
            return


def descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for process, parent in processes():
        if process != os.getpid():
            children.setdefault(parent, []).append(process)
    below, left = [], [root]
    while left:
        direct = children.get(left.pop(), [])
        below += direct
        left += direct
    return [process for process in below if alive(process)]


def processes() -> list[tuple[int, int]]:
    """(process, parent) of all processes except zombies."""
    rows = from_proc() if sys.platform == "linux" else from_ps()
    return [(int(process), int(parent)) for process, parent, state in rows if not state.startswith("Z")]


def from_proc() -> list[list[str]]:
    """Process, parent and state from /proc (proc(5)): slim images have no `ps`. The name in brackets may
    contain anything."""
    rows = []
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 -- pathlib slows each start
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
            state, parent = file.read().rpartition(b")")[2].split()[:2]
            rows.append([name, parent.decode(), state.decode()])
    return rows


def from_ps() -> list[list[str]]:
    command = ["ps", "-A", "-o", "pid=,ppid=,stat="]
    listed = subprocess.run(command, capture_output=True, text=True).stdout
    return [line.split() for line in listed.splitlines()]


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def kill_group(session: int) -> bool:
    try:
        os.killpg(session, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def reap() -> None:
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


if __name__ == "__main__":
    code = main(sys.argv[1], sys.argv[2:])
    sys.stderr.flush()
    os._exit(code)
