"""The shipped scripts, as a job runs them: another Python, a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.scripts.columns import Columns, write_csv
from tests.support.fork_server import ForkServer

from stagewright.cli.commands.author.script import SCRIPTS
from stagewright.errors import StagewrightError
from stagewright.local import environments

ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "error"}


@pytest.fixture(scope="session")
def python() -> Path:
    try:
        return environments.resolve("sklearn-1.4").python
    except StagewrightError as error:
        pytest.skip(f"no environment with scikit-learn: {error.message}")


@dataclass
class Drift:
    """One call of drift.py over two folders."""

    root: Path
    python: ForkServer

    @property
    def baseline(self) -> Path:
        return self.root / "baseline"

    @property
    def current(self) -> Path:
        return self.root / "current"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        folders = [f"--{name}={self.root / name}" for name in ("baseline", "current", "report")]
        return self.python.run(SCRIPTS / "drift.py", [*folders, *arguments], self.root, ENVIRONMENT)

    def report(self, *arguments: str) -> dict[str, Any]:
        """report.json of a run that ends well, without a word on standard error."""
        done = self.run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads((self.root / "report" / "report.json").read_text())

    def features(self, *arguments: str) -> dict[str, dict[str, Any]]:
        return {feature["name"]: feature for feature in self.report(*arguments)["features"]}

    def refused(self, *arguments: str) -> str:
        """The sentence of a run that fails because of its data."""
        done = self.run(*arguments)
        assert done.returncode == 1, done.stderr
        assert done.stderr.startswith("drift: ")
        assert done.stderr.count("\n") == 1, done.stderr
        assert not (self.root / "report").exists()
        return done.stderr.removeprefix("drift: ").strip()

    def between(self, baseline: Columns, current: Columns, *arguments: str) -> dict[str, dict[str, Any]]:
        write_csv(self.baseline / "rows.csv", baseline)
        write_csv(self.current / "rows.csv", current)
        return self.features(*arguments)


@pytest.fixture(scope="session")
def warm_python(python: Path) -> ForkServer:
    """The job environment's Python, which has imported what drift.py imports."""
    return ForkServer(python, "import numpy, pandas, scipy.stats", ENVIRONMENT)


@pytest.fixture
def drift(tmp_path: Path, warm_python: ForkServer) -> Drift:
    return Drift(tmp_path, warm_python)


@pytest.fixture
def inside(warm_python: ForkServer, tmp_path: Path) -> Callable[[str], Any]:
    """What Python code that imports drift.py prints, as JSON."""

    def run(code: str) -> Any:
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SCRIPTS)}
        done = warm_python.run(code, [], tmp_path, environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
