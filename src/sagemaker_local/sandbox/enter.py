"""Runs one command in its own Linux namespaces, with a folder at /opt/ml.

Run by path with `python -I -S`, so it imports only the standard library:

    enter.py plain

user FOLDER HOSTS NAME HIDDEN CWD PARENT COMMAND...

NAME is the host name. HOSTS becomes /etc/hosts. HIDDEN are files and folders, joined by colons, that the
command sees empty. `user` adds a user namespace, which needs no rights; the user keeps their id. `-isolated`
after the mode adds a network namespace, in which the command reaches only its own loopback interface.

There are three processes: the launcher (this one, outside), process 1 of a new PID namespace, and the
command. If the launcher dies, so does process 1, and the kernel then ends every process of the namespace. The
exit code is the command's, 128 plus the number of the signal that ended it, or 125 if namespaces are not
available.

SIGUSR1 to the launcher ends everything at once. The launcher ends when no process is left, because the kernel
ends all processes of a PID namespace before its process 1 (pid_namespaces(7)). A launcher that is killed
itself ends a moment before them.

The first two processes wait for signals (sigwait(3)) and have no handlers. A handler that runs just before
the process waits for its child would be deferred until the child ends, and the command would never receive
the signal.
"""

# No pathlib: every job waits for these imports.
# ruff: noqa: PTH102, PTH110, PTH112, PTH115, PTH123, PTH211

from __future__ import annotations

import ctypes
import os
import signal
import sys

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x4000000, 0x10000000, 0x20000000
CLONE_NEWNET = 0x40000000
ISOLATED = "-isolated"
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 1 << 18
PR_SET_PDEATHSIG = 1
OPT, TARGET = "/opt", "/opt/ml"
NO_NAMESPACES = 125
FORWARDED = (signal.SIGTERM, signal.SIGINT)
END_NOW = signal.SIGUSR1
AWAITED = (*FORWARDED, END_NOW, signal.SIGCHLD)

libc = ctypes.CDLL(None, use_errno=True)


def main(
    mode: str, folder: str, hosts: str, name: str, hidden: str, cwd: str, parent: str, command: list[str]
) -> int:
    isolated = mode.endswith(ISOLATED)
    separate(with_user=mode.startswith("user"), isolated=isolated)
    if isolated:
        raise_loopback()
    libc.sethostname(name.encode(), len(name))
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    # A handle opened before `unshare` belongs to the other mount namespace. Binding it fails with EINVAL.
    source = os.open(folder, os.O_PATH)
    bind(os.open(hosts, os.O_PATH), "/etc/hosts")
    make_target()
    bind(source, TARGET)
    for path in filter(None, hidden.split(os.pathsep)):
        hide(path)
    die_with_parent()
    if os.getppid() != int(parent):
        return NO_NAMESPACES
    signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    alive, held = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(held)
        os._exit(first_process(alive, cwd, command))
    return follow(child)


def separate(with_user: bool, isolated: bool) -> None:
    user, group = os.getuid(), os.getgid()
    wanted = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWPID | (CLONE_NEWUSER if with_user else 0)
    check(libc.unshare(wanted | (CLONE_NEWNET if isolated else 0)), "unshare")
    if with_user:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"{user} {user} 1")
        write("/proc/self/gid_map", f"{group} {group} 1")


def raise_loopback() -> None:
    """Turn on the loopback interface of the new network namespace (netdevice(7))."""
    import fcntl  # only isolated jobs need these
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def make_target() -> None:
    """Create /opt/ml. If the host has none, /opt becomes a tmpfs with the host's entries bound into it."""
    if os.path.isdir(TARGET):
        return
    entries = []
    if os.path.isdir(OPT):
        for entry in os.scandir(OPT):
            link = os.readlink(entry.path) if entry.is_symlink() else None
            entries.append((entry.name, link, entry.is_dir(), os.open(entry.path, os.O_PATH)))
    mount("tmpfs", OPT, "tmpfs", 0)
    for name, link, is_folder, handle in entries:
        path = f"{OPT}/{name}"
        if link is not None:
            os.symlink(link, path)
        elif is_folder:
            os.mkdir(path)
            bind(handle, path)
        else:
            write(path, "")
            bind(handle, path)
        os.close(handle)
    os.mkdir(TARGET)


def hide(path: str) -> None:
    """Make a path empty. A path that does not exist, or that this user cannot enter, stays as it is."""
    if os.path.isdir(path):
        mount("tmpfs", path, "tmpfs", 0)
    elif os.path.exists(path):
        bind(os.open("/dev/null", os.O_PATH), path)


def first_process(alive: int, cwd: str, command: list[str]) -> int:
    """Process 1: start the command and reap. The command is process 2, so signals have their default effect.

    `alive` is a pipe that the launcher holds. It detects a launcher killed before `die_with_parent`.
    """
    die_with_parent()
    if ended(alive):
        return NO_NAMESPACES
    # Some containers forbid a new /proc. The command then sees the host's processes, which is harmless.
    libc.mount(b"proc", b"/proc", b"proc", ctypes.c_ulong(0), None)
    os.chdir(cwd)
    child = os.fork()
    if child == 0:
        for number in FORWARDED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, AWAITED)
        execute(command)
    return follow(child)


def ended(pipe: int) -> bool:
    """Whether no process holds the other end of the pipe."""
    os.set_blocking(pipe, False)
    try:
        return not os.read(pipe, 1)
    except BlockingIOError:
        return False
    finally:
        os.close(pipe)


def follow(child: int) -> int:
    """Forward signals to the child and reap orphans until the child ends. Returns its exit code."""
    while True:
        received = signal.sigwait(AWAITED)
        if received == END_NOW:
            os.kill(child, signal.SIGKILL)
        elif received != signal.SIGCHLD:
            os.kill(child, received)
        elif (status := reaped(child)) is not None:
            return exit_code(status)


def reaped(child: int) -> int | None:
    """Reap all children that have ended. Returns the child's status if it is one of them."""
    while True:
        process, status = os.waitpid(-1, os.WNOHANG)
        if process in (0, child):
            return status if process else None


def execute(command: list[str]) -> None:
    """Replace this process by the command. Exit codes as in shells: 127 if it is missing, 126 if it cannot
    run."""
    try:
        os.execvp(command[0], command)  # noqa: S606 -- the job's own command
    except FileNotFoundError:
        code, what = 127, "no such file or directory"
    except OSError as error:
        code, what = 126, str(error)
    sys.stderr.write(f"cannot run {command[0]}: {what}\n")
    sys.stderr.flush()
    os._exit(code)


def exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def die_with_parent() -> None:
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def bind(handle: int, target: str) -> None:
    mount(f"/proc/self/fd/{handle}", target, None, MS_BIND | MS_REC)


def mount(source: str, target: str, kind: str | None, flags: int) -> None:
    done = libc.mount(source.encode(), target.encode(), kind and kind.encode(), ctypes.c_ulong(flags), None)
    check(done, f"mount {target}")


def check(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


if __name__ == "__main__":
    try:
        mode, folder, hosts, name, hidden, cwd, parent, *command = sys.argv[1:]
        sys.exit(main(mode, folder, hosts, name, hidden, cwd, parent, command))
    except OSError as error:
        sys.exit((sys.stderr.write(f"no namespaces: {error}\n"), NO_NAMESPACES)[1])
