"""An installation from the wheel alone, in an empty environment on each supported Python."""

from __future__ import annotations

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.waiting import PATIENCE
from uv import find_uv_bin

from sagemaker_local.images import interpreters
from stagewright import __version__

ROOT = Path(__file__).parents[2]
UNREACHABLE = ("error sending request", "Failed to fetch", "dns error", "timed out")
SCRIPT = """\
import json
with open("numbers.json") as file:
    numbers = json.load(file)
print(f"loss: {sum(numbers)}")
with open("model.json", "w") as file:
    json.dump({"sum": sum(numbers)}, file)
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def uv(*arguments: str | Path) -> None:
    done = subprocess.run(
        [find_uv_bin(), *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    if any(text in done.stderr for text in UNREACHABLE):
        pytest.skip(f"no package index: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr


class Installation:
    """A virtual environment, and a folder to work in."""

    def __init__(self, folder: Path, python: Path) -> None:
        self.environment, self.work = folder / "environment", folder / "work"
        self.work.mkdir()
        uv("venv", "--no-project", "--python", python, self.environment)

    def install(self, *arguments: str | Path) -> None:
        uv("pip", "install", "--python", self.environment / "bin/python", *arguments)

    def __call__(self, *arguments: str, folder: Path | None = None) -> str:
        """Run stagewright without this repository on any path. Returns its standard output."""
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "STAGEWRIGHT_"))
        }
        done = subprocess.run(
            [self.environment / "bin/stagewright", *arguments],
            cwd=folder or self.work,
            env=clean,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    python = interpreters.find(request.param)
    if python is None:
        pytest.skip(f"no Python {request.param}")
    return Installation(tmp_path, python)


@pytest.mark.parametrize("installation", ["3.11", "3.12", "3.13"], indirect=True)
def test_repository_and_first_run_need_only_the_wheel(installation: Installation, wheel: Path) -> None:
    installation.install("--constraints", ROOT / "requirements/runtime.txt", f"{wheel}[local]")
    assert installation("--version").strip() == __version__
    installation("init", "ml")
    repository = installation.work / "ml"
    assert (repository / "requirements.txt").read_text() == f"stagewright[all] @ {wheel.as_uri()}\n"
    installation.install("--dry-run", "-r", repository / "requirements.txt")

    (installation.work / "train.py").write_text(SCRIPT)
    (installation.work / "numbers.json").write_text("[1, 2, 3]")
    (repository / ".stagewright").mkdir()
    own = f'[pythons]\n"sklearn-1.4" = "{installation.environment / "bin/python"}"\n'
    (repository / ".stagewright/local.toml").write_text(own)
    installation("new", "sum", "--from", "../train.py", folder=repository)
    record = json.loads(installation("run", "sum", "--json", folder=repository))
    assert record["status"] == "SUCCEEDED"
    assert record["stages"][0]["result"]["metrics"] == {"loss": 6}


@pytest.fixture
def index(wheel: Path, tmp_path: Path) -> Iterator[str]:
    """A package index with Stagewright alone ("Simple repository API", Python packaging guide)."""
    project = tmp_path / "index/simple/stagewright"
    project.mkdir(parents=True)
    (project / wheel.name).write_bytes(wheel.read_bytes())
    (project / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    handler = functools.partial(_Quiet, directory=str(tmp_path / "index"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple/"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Write no log."""


@pytest.mark.parametrize("installation", ["3.12"], indirect=True)
def test_requirements_of_a_new_repository_install_from_an_internal_index(
    installation: Installation, wheel: Path, index: str
) -> None:
    installation.install("--constraints", ROOT / "requirements/runtime.txt", f"{wheel}[cli]")
    installation("init", "ml", "--index-url", index)
    installation.install("--no-deps", "--reinstall", "-r", installation.work / "ml/requirements.txt")
    assert installation("--version").strip() == __version__
    recorded = installation.environment.glob("lib/*/site-packages/stagewright-*/direct_url.json")
    assert list(recorded) == []
    installation("init", "again")
    assert (installation.work / "again/requirements.txt").read_text() == f"stagewright[all]=={__version__}\n"
