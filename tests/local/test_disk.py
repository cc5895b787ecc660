"""A disk that is really full or read-only: nothing that was acknowledged is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def in_mount_namespace(*command: str) -> list[str]:
    """The command with mounts of its own. Without root, in a user namespace too."""
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *as_root, "--mount", "--propagation", "private", *command]


def can_mount(folder: Path) -> bool:
    mount = in_mount_namespace("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder))
    try:
        return subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_disk_that_refuses_writes_loses_nothing(tmp_path: Path, fault: str) -> None:
    if not can_mount(tmp_path):
        pytest.skip("no disk can be mounted here")
    script = [sys.executable, "-m", "tests.local.disk_faults", str(tmp_path), fault]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        in_mount_namespace(*script),
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)
