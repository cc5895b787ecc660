"""The shipped scripts, as a job runs them: another Python, a process of its own."""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.fork_server import ForkServer

from stagewright.cli.commands.author.script import SCRIPTS
from stagewright.errors import StagewrightError
from stagewright.local import environments

Columns = Mapping[str, Sequence[Any]]
ENVIRONMENT = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "error"}


@pytest.fixture(scope="session")
def python() -> Path:
    try:
        return environments.resolve("sklearn-1.4").python
    except StagewrightError as error:
        pytest.skip(f"no environment with scikit-learn: {error.message}")


def numbers(seed: int, count: int = 500, mean: float = 0, deviation: float = 1) -> list[float]:
    source = random.Random(seed)
    return [source.gauss(mean, deviation) for _ in range(count)]


def choices(seed: int, weights: Mapping[str, float], count: int = 500) -> list[str]:
    return random.Random(seed).choices(list(weights), list(weights.values()), k=count)


def write_csv(path: Path, columns: Columns) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def write_lines(path: Path, documents: Iterable[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(document) + "\n" for document in documents).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


def rows_of(columns: Columns) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


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
