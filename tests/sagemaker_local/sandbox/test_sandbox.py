"""Both isolation modes that give a job its own /opt/ml."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest
from tests.support import processes
from tests.support.waiting import PATIENCE, until

from sagemaker_local.sandbox import launcher as sandbox_launcher
from sagemaker_local.sandbox import watch
from sagemaker_local.sandbox.isolation import ENTER, Isolation, enter, probe, write_hosts
from sagemaker_local.sandbox.launcher import Command, Launcher

ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
NOBODY = 65534
A_WHILE = f"600.{os.getpid()}"
"""Seconds, by which what is left is told from what others of this machine have started."""
SYSTEM_PYTHON = Path("/usr/bin/python3")


@pytest.fixture(params=["as probed", "rewritten paths"])
def sandbox(request, monkeypatch):
    if request.param == "rewritten paths":
        monkeypatch.setattr(sandbox_launcher, "probe", lambda: Isolation("rewritten paths", "for this test"))
    started = Launcher()
    yield started
    started.close()


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "job/ml"
    inside.mkdir(parents=True)
    return inside


def shell(sandbox, folder, script, **env):
    process = sandbox.start(Command(folder, ("/bin/sh", "-c", script), {**ENV, **env}))
    with process.output as output:
        text = output.read().decode()
    return process.wait(), text


def test_probe_runs_a_real_command():
    found = probe()
    assert found.why
    if sys.platform == "linux" and os.getuid() == 0:
        assert found.name in ("namespaces", "user namespaces", "rewritten paths")
    assert found.mode == {"namespaces": "plain", "user namespaces": "user"}.get(found.name, "")


def test_command_reads_and_writes_its_folder(sandbox, folder):
    (folder / "in").write_text("hello")
    seen = "/opt/ml" if sandbox.isolation.mode else folder.resolve()
    command = "cat /opt/ml/in; echo $WHERE; echo out > /opt/ml/made; exit 3"
    assert shell(sandbox, folder, command, WHERE="/opt/ml/x") == (3, f"hello{seen}/x\n")
    assert (folder / "made").read_text() == "out\n"


def test_errors_can_be_a_separate_stream(sandbox, folder):
    command = Command(folder, ("/bin/sh", "-c", "echo out; echo err >&2"), ENV, separate_errors=True)
    process = sandbox.start(command)
    with process.output as output, process.errors as errors:
        assert (output.read(), errors.read()) == (b"out\n", b"err\n")
    assert process.wait() == 0


def test_scripts_are_found_in_every_supported_folder(sandbox, folder):
    (folder / "code").mkdir()
    (folder / "code/go.sh").write_text("cat /opt/ml/data\n")
    (folder / "data").write_text("rows in /opt/ml/data")
    assert shell(sandbox, folder, "sh /opt/ml/code/go.sh") == (0, "rows in /opt/ml/data")


def test_job_files_do_not_appear_in_opt_ml_of_the_host(sandbox, folder):
    shell(sandbox, folder, "echo mine > /opt/ml/stagewright-test-file")
    assert not Path("/opt/ml/stagewright-test-file").exists()


def test_missing_command_exits_with_127(sandbox, folder):
    process = sandbox.start(Command(folder, ("/no/such/command",), ENV))
    with process.output as output:
        assert b"cannot run /no/such/command" in output.read()
    assert process.wait() == 127


def test_terminate_lets_the_command_exit_normally(sandbox, folder):
    process = sandbox.start(
        Command(
            folder,
            ("/bin/sh", "-c", "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.05; done"),
            ENV,
        )
    )
    assert process.output.readline() == b"up\n"
    process.terminate()
    assert process.wait(PATIENCE) == 5
    with process.output as output:
        assert output.read() == b"bye\n"


@pytest.mark.parametrize("delay", [0, 0.01, 0.02, 0.04])
def test_early_signal_is_not_lost(sandbox, folder, delay):
    """The command ends and leaves no process, whatever the launcher is doing."""
    process = sandbox.start(Command(folder, ("sleep", A_WHILE), ENV))
    time.sleep(delay)
    process.terminate()
    assert process.wait(PATIENCE) == 128 + 15
    process.output.close()
    assert not running(A_WHILE)


@pytest.mark.skipif(not probe().mode, reason="no namespaces here")
def test_launcher_has_no_sigterm_handler_and_command_blocks_no_signal(folder):
    """A handler that runs just before the wait for the child does not end the wait, so there is none."""
    sandbox = Launcher()
    process = sandbox.start(Command(folder, ("/bin/sh", "-c", f"echo up; sleep {A_WHILE}"), ENV))
    assert process.output.readline() == b"up\n"
    (first,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (command,) = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    for waiting in (process.pid, first):
        assert signal.SIGTERM not in masks(waiting)["SigCgt"]
    until(lambda: not masks(command)["SigBlk"])  # a shell blocks signals while it starts a command
    process.kill()
    process.output.close()
    sandbox.close()


def masks(process: int | str) -> dict[str, set[int]]:
    """proc(5), `status`: bit n - 1 stands for signal n."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    found = dict(line.split(":\t") for line in lines if line.startswith("Sig") and line[:4] != "SigQ")
    return {
        name: {number for number in range(1, 65) if int(mask, 16) >> (number - 1) & 1}
        for name, mask in found.items()
    }


@pytest.mark.skipif(not probe().mode, reason="no namespaces here")
def test_launcher_killed_during_fork_leaves_no_process(folder):
    """The child has not yet set its parent-death signal."""
    waits = textwrap.dedent(f"""
        import os, runpy, sys, time
        enter = runpy.run_path({str(ENTER)!r})
        die = enter["die_with_parent"]
        def late():
            if os.getpid() == 1:
                while not os.path.exists({str(folder / "killed")!r}):
                    open({str(folder / "forked")!r}, "w").close()
                    time.sleep(0.01)
            die()
        enter["main"].__globals__["die_with_parent"] = late
        sys.exit(enter["main"](*sys.argv[1:7], sys.argv[7], sys.argv[8:]))
    """)
    hosts = write_hosts(folder.parent)
    script = f"touch /opt/ml/ran; sleep {A_WHILE}"
    _, _, _, _, *arguments = enter(probe().mode, folder, hosts, "/opt/ml", ["/bin/sh", "-c", script])
    launcher = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", waits, *arguments], stdout=subprocess.PIPE, start_new_session=True
    )
    until((folder / "forked").exists)
    launcher.kill()
    launcher.wait()
    (folder / "killed").touch()
    with launcher.stdout as output:
        assert output.read() == b""  # ends when the last process that has it does
    assert not (folder / "ran").exists()
    assert not running(A_WHILE)


def test_processes_that_left_the_session_end_with_the_command(sandbox, folder):
    code, _ = shell(sandbox, folder, f"setsid sleep {A_WHILE} & (setsid setsid sleep {A_WHILE} &); sleep 0.2")
    assert code == 0
    assert not running(A_WHILE)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_descendants_are_found_where_there_is_no_ps(monkeypatch):
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout.readline() == b"1\n"
        monkeypatch.setenv("PATH", "/nowhere")
        found = watch.descendants(os.getpid())
        below = watch.descendants(parent.pid)
        parent.communicate(b"\n")
    assert parent.pid in found
    assert len(below) == 1
    assert set(below) <= set(found)
    assert watch.descendants(parent.pid) == []


def test_kill_ends_a_stubborn_tree(sandbox, folder):
    script = f"trap '' TERM; setsid sleep {A_WHILE} & echo up; sleep {A_WHILE}"
    process = sandbox.start(Command(folder, ("/bin/sh", "-c", script), ENV))
    assert process.output.readline() == b"up\n"
    process.terminate()
    process.kill()
    process.output.close()
    assert not process.running
    assert not running(A_WHILE)


def test_command_outlives_the_thread_that_started_it(sandbox, folder):
    """The kernel's parent-death signal follows the forking thread, so that thread must stay alive."""
    import threading

    started = []
    script = "sleep 0.3; echo survived"
    asker = threading.Thread(
        target=lambda: started.append(sandbox.start(Command(folder, ("/bin/sh", "-c", script), ENV)))
    )
    asker.start()
    asker.join()
    with started[0].output as output:
        assert output.read() == b"survived\n"
    assert started[0].wait() == 0


def test_algo_1_is_this_host(folder):
    sandbox = Launcher()
    if not sandbox.isolation.mode:
        sandbox.close()
        pytest.skip("no namespaces here")
    code, text = shell(sandbox, folder, "hostname; getent hosts algo-1")
    sandbox.close()
    assert (code, text.split()) == (0, ["algo-1", "127.0.0.1", "algo-1"])


@pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0 or not SYSTEM_PYTHON.exists(),
    reason="needs root to become nobody",
)
def test_unprivileged_user_gets_namespaces():
    home = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        (home / "ml").mkdir()
        enter = shutil.copy(ENTER, home / "enter.py")
        hosts = write_hosts(home)
        for path in (home, home / "ml"):
            os.chown(path, NOBODY, NOBODY)
        script = "id -u; echo mine > /opt/ml/file; cat /opt/ml/file"
        # The parent that enter.py expects is the process before it, which here is this one.
        arguments = [
            "user",
            str(home / "ml"),
            str(hosts),
            "algo-1",
            "",
            "/opt/ml",
            str(os.getpid()),
            "/bin/sh",
            "-c",
            script,
        ]
        done = subprocess.run(
            [SYSTEM_PYTHON, "-I", "-S", enter, *arguments],
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            env=ENV,
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
        if "Operation not permitted" in done.stderr:
            pytest.skip("this system forbids user namespaces")
        assert (done.returncode, done.stdout) == (0, f"{NOBODY}\nmine\n"), done.stderr
        assert (home / "ml/file").stat().st_uid == NOBODY
    finally:
        shutil.rmtree(home)


def running(argument: str) -> bool:
    return f"sleep {argument}" in processes.command_lines().values()
