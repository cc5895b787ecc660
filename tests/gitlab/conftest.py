"""A generated repository, and gitlab-ci-local, which checks it against GitLab's schema and runs jobs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.gitlab.repository import GitLab
from tests.support import node_packages
from tests.support.cached_python import report_skipped

from stagewright.cli.commands.author import init
from stagewright.cli.commands.author.init_options import Example
from stagewright.errors import StagewrightError
from stagewright.local import environments

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SKIPPED = "gitlab-ci-local cannot be installed"
STAGEWRIGHT = f"""#!{sys.executable}
from stagewright.cli.main import main
main()
"""


@pytest.fixture(scope="session")
def gitlab_ci_local() -> tuple[str, ...]:
    """It needs Node 22, which the wheel has."""
    try:
        node = node_packages.of_wheel("node")
        folder = node_packages.installed(HERE, node)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"{SKIPPED}: {error}: {(getattr(error, 'stderr', '') or '')[-300:]}")
    return (*node, str(folder / "node_modules" / "gitlab-ci-local" / "dist" / "index.js"))


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the jobs call, before everything else on PATH.

    gitlab-ci-local copies the work tree with rsync, for containers, also where every job runs in a shell and
    none looks at the copy. An rsync that copies nothing will do then, and not every machine has one.
    """
    folder = tmp_path_factory.mktemp("programs")
    for name, text in (("stagewright", STAGEWRIGHT), ("rsync", "#!/bin/sh\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def image_python() -> Path:
    """The folder of a Python with what the example's code imports."""
    try:
        return environments.resolve("sklearn-1.4").python.parent
    except StagewrightError as error:
        pytest.skip(f"no environment with scikit-learn: {error.message}")


@pytest.fixture
def gitlab(
    gitlab_ci_local: tuple[str, ...], programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., GitLab]:
    """Makes a repository with these options of `init`."""

    def make(**options: Any) -> GitLab:
        monkeypatch.chdir(tmp_path)
        init.command(Path("demo"), **{"example": Example.HOUSE_PRICE, **options})
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "STAGEWRIGHT_", "CI"))
        }
        environment = inherited | {
            "PATH": os.pathsep.join((str(programs), inherited["PATH"])),
            "PYTHONPATH": str(ROOT / "src"),
            "HOME": str(tmp_path),
        }
        made = GitLab(tmp_path / "demo", gitlab_ci_local, environment)
        made.git("init")
        made.git("add", "--all")
        made.git("commit", "--message", "init")
        made.git("remote", "add", "origin", "https://gitlab.example.com/team/demo.git")
        made.git("update-ref", "refs/remotes/origin/main", "HEAD")
        made.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
        return made

    return make


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    report_skipped(terminalreporter, "GitLab's jobs", SKIPPED)
