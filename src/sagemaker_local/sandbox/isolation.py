"""Linux namespaces for jobs: whether they work here, and what they hide from a job."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sagemaker_local.sandbox.enter import ISOLATED

CARRIED = "SAGEMAKER_LOCAL_ACCOUNT_FILES"
"""An environment variable with the account files that the user's shell named. A server has no AWS
variables."""
VARIABLES = ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE")


def carried(environment: Mapping[str, str]) -> dict[str, str]:
    named = [environment[name] for name in VARIABLES if environment.get(name)]
    paths = [*filter(None, [environment.get(CARRIED)]), *(str(Path(path).expanduser()) for path in named)]
    return {CARRIED: os.pathsep.join(paths)} if paths else {}


def account_files() -> list[str]:
    """The user's AWS files that exist: `.aws` in the home folder (HOME and user database) and named files."""
    homes = {os.path.expanduser("~"), _home()}  # noqa: PTH111 -- Path.home() raises if there is no home
    named = carried(os.environ).get(CARRIED, "").split(os.pathsep)
    paths = dict.fromkeys([*(f"{home}/.aws" for home in sorted(homes)), *named])
    return [path for path in paths if os.path.exists(path)]  # noqa: PTH110 -- Path.exists() raises if access is denied


def _home() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # a container's user without an entry
        return "/"


ENTER = Path(__file__).with_name("enter.py")
WATCH = Path(__file__).with_name("watch.py")
TARGET = "/opt/ml"
PROBE_SECONDS = 20
SCRIPT = "import os, sys; sys.exit(os.getpid() > 9 or not os.path.isfile('/opt/ml/input/marker'))"


@dataclass(frozen=True)
class Isolation:
    """How jobs are isolated. `name` is `namespaces`, `user namespaces` or `rewritten paths`.

    `why` explains it to the user.
    """

    name: str
    why: str

    @property
    def mode(self) -> str:
        """The mode for enter.py; empty if there are no namespaces."""
        return {"namespaces": "plain", "user namespaces": "user"}.get(self.name, "")


@cache
def probe() -> Isolation:
    """Run a command that looks for a file under /opt/ml. Takes about 50 ms."""
    if sys.platform != "linux":
        return Isolation("rewritten paths", f"{sys.platform} has no mount namespaces")
    reasons = []
    for mode in ("plain", "user") if os.getuid() == 0 else ("user",):
        problem = _try(mode)
        if not problem:
            if mode == "plain":
                return Isolation("namespaces", "mount and process namespaces, as root")
            return Isolation("user namespaces", "mount, process and user namespaces, without any rights")
        reasons.append(problem)
    return Isolation("rewritten paths", "this system forbids namespaces: " + "; ".join(reasons))


def _try(mode: str) -> str:
    """Why the mode does not work; empty if it does."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ml/input").mkdir(parents=True)
        (folder / "ml/input/marker").touch()
        hosts = write_hosts(folder)
        command = [sys.executable, "-I", "-S", "-c", SCRIPT]
        try:
            done = subprocess.run(
                enter(mode, folder / "ml", hosts, TARGET, command),
                capture_output=True,
                text=True,
                timeout=PROBE_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    return "" if done.returncode == 0 else done.stderr.strip() or f"exit code {done.returncode}"


def enter(
    mode: str,
    folder: Path,
    hosts: Path,
    cwd: str,
    command: list[str],
    host: str = "algo-1",
    *,
    isolated: bool = False,
) -> list[str]:
    """The command line that runs `command` in namespaces, with `folder` at /opt/ml.

    `isolated`: without a network.
    """
    mode += ISOLATED if isolated else ""
    launcher = [sys.executable, "-I", "-S", str(ENTER), mode, str(folder.resolve()), str(hosts)]
    return [*launcher, host, os.pathsep.join(account_files()), cwd, str(os.getpid()), *command]


def watch(cwd: str, command: list[str]) -> list[str]:
    return [sys.executable, "-I", "-S", str(WATCH), cwd, *command]


def write_hosts(folder: Path, names: tuple[str, ...] = ("algo-1",)) -> Path:
    """Write a hosts file with these names, one address each. All of 127.0.0.0/8 is loopback on Linux.

    SageMaker's toolkits resolve algo-1, and retry for minutes if they cannot.
    """
    file = folder / "hosts"
    try:
        known = Path("/etc/hosts").read_text()
    except OSError:
        known = "127.0.0.1 localhost\n"
    own = [f"127.0.0.{number} {name}\n" for number, name in enumerate(names, 1)]
    file.write_text("".join([known.rstrip("\n"), "\n", *own]))
    return file
