"""A small pipeline of standard library scripts, and the command line as a user calls it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.support import commands
from tests.support.waiting import PATIENCE, until

from stagewright.local import server

DOCUMENT = """\
name: tiny
parameters: {factor: 2, least: 1, seconds: 0}
sample_data: {raw/tiny/: numbers.txt}
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
triggers: [{type: code}]
stages:
  total:
    kind: processing
    code: total.py
    inputs: {numbers: "s3://${bucket}/raw/tiny/"}
    outputs: [total]
    metrics_file: total/metrics.json
  fit:
    kind: training
    entry_point: fit.py
    channels: {total: "${stages.total.outputs.total}"}
    hyperparameters: {factor: "${parameters.factor}", seconds: "${parameters.seconds}"}
    metrics: {product: 'product: ([0-9.]+)'}
  check:
    kind: gate
    require: "${stages.fit.metrics.product} >= ${parameters.least}"
  serve:
    kind: endpoint
    after: [check]
    model: "${stages.fit.model}"
    entry_point: fit.py
"""
TOTAL = """\
import json, pathlib
here = pathlib.Path("/opt/ml/processing")
numbers = [float(line) for file in (here / "input/numbers").iterdir() for line in file.read_text().split()]
out = here / "output/total"
out.mkdir(parents=True, exist_ok=True)
(out / "metrics.json").write_text(json.dumps({"total": sum(numbers)}))
print("summed", len(numbers), "numbers")
"""
FIT = """\
import argparse, json, os, pathlib, time


def model_fn(folder):
    return json.loads(pathlib.Path(folder, "model.json").read_text())


def input_fn(body, content_type):
    return json.loads(body)


def predict_fn(number, model):
    return number * model["product"]


def output_fn(answer, accept):
    return json.dumps(answer), "application/json"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--factor", type=float)
    parser.add_argument("--seconds", type=float)
    options = parser.parse_args()
    print("fitting for", options.seconds, "seconds", flush=True)
    time.sleep(options.seconds)
    if options.factor < 0:
        raise ValueError("a negative factor is of no use")
    total = json.loads(pathlib.Path(os.environ["SM_CHANNEL_TOTAL"], "metrics.json").read_text())["total"]
    product = total * options.factor
    print(f"product: {product}")
    pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps({"product": product}))
"""

# Tests may run where SIGINT is ignored, as a shell does with what it puts in the background.
MAIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from stagewright.cli.app import main
main()
"""

PYTHON = [sys.executable, "-c", MAIN]

# As the console script, which says whether it handed the command over.
HANDING_OVER = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from stagewright.cli.main import main
try:
    main()
finally:
    print("imported" if "typer" in sys.modules else "handed over", file=sys.stderr)
"""


class CommandLine:
    """`stagewright` in a folder of its own, with a state of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STAGEWRIGHT_"))
        }
        self.environment = inherited | {"STAGEWRIGHT_STATE": str(self.state), "PYTHONUNBUFFERED": "1"}
        self.command = PYTHON

    def __call__(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        if self.command == PYTHON:
            return commands.stagewright(arguments, self.folder, self.environment, given)
        return subprocess.run(
            [*self.command, *arguments], cwd=self.folder, env=self.environment, input=given,
            capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip

    def json(self, *arguments: str) -> Any:
        """What a command that ends well prints with --json: exactly one document."""
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.Popen(
            [*self.command, *arguments], cwd=self.folder, env=self.environment, text=True, **pipes
        )

    def runs(self) -> list[str]:
        return [run["run"] for run in self.json("runs", "tiny")]


def stagewright_on_path(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the environment with a program `stagewright` of this Python first on PATH, in a new folder."""
    folder.mkdir()
    program = folder / "stagewright"
    program.write_text(f"#!{sys.executable}\nfrom stagewright.cli.main import main\nmain()\n")
    program.chmod(0o755)
    return {**environment, "PATH": os.pathsep.join((str(folder), environment["PATH"]))}


def tiny(folder: Path) -> CommandLine:
    (folder / "code").mkdir()
    (folder / "state").mkdir()
    # Its scripts need the standard library only, so no environment has to be built.
    (folder / "state" / "local.toml").write_text(f'[pythons]\n"sklearn-1.4" = "{sys.executable}"\n')
    (folder / "pipeline.yaml").write_text(DOCUMENT)
    (folder / "numbers.txt").write_text("1\n2\n3\n")
    (folder / "code" / "total.py").write_text(TOTAL)
    (folder / "code" / "fit.py").write_text(FIT)
    return CommandLine(folder)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[CommandLine]:
    """No server is up."""
    command = tiny(tmp_path)
    yield command
    server.down(command.state)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A server is up, and the pipeline has run once."""
    command = tiny(tmp_path_factory.mktemp("served"))
    running = server.up(command.state)
    try:
        done = command("run", ".")
        assert done.returncode == 0, done.stdout + done.stderr
        yield command
    finally:
        server.down(command.state)
    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, signal.SIG_DFL)


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A server was started with `up`, and a process stands by for commands."""
    command = tiny(tmp_path_factory.mktemp("warm"))
    command.command = [sys.executable, "-c", HANDING_OVER]
    done = command("up")
    assert done.returncode == 0, done.stdout + done.stderr
    until(lambda: list(command.state.glob("commands-*.sock")))
    yield command
    server.down(command.state)
