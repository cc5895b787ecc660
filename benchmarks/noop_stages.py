"""Seven stages that do nothing, beside Metaflow's local run of seven steps that do nothing.

    python benchmarks/noop_stages.py [rounds]

Whole commands, from start to exit, in turn; prints medians and their ratio to Metaflow's. Budget: half of it
with the server's start and stop included, a third with a server that is up; an unchanged pipeline again, with
a server that is up, in 0.3 s. Metaflow gets an environment of its own, in the user's cache, built once.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stagewright.local import program

STEPS = 7
METAFLOW = "metaflow==2.19.39"
BUDGETS = {"server start included": 1 / 2, "server up": 1 / 3}
UNCHANGED = "unchanged, server up"
UNCHANGED_SECONDS = 0.3
WARM_SECONDS = 20.0

STAGEWRIGHT = str(Path(sys.executable).with_name("stagewright"))


def main(rounds: int) -> int:
    python = metaflow()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        variables = {**os.environ, "HOME": name, "USERNAME": "benchmark"}
        here = {**variables, "STAGEWRIGHT_STATE": str(folder / "up")}
        alone = {**variables, "STAGEWRIGHT_STATE": str(folder / "alone")}
        here["STAGEWRIGHT_CACHE"] = alone["STAGEWRIGHT_CACHE"] = str(folder / "cache")
        run = [STAGEWRIGHT, "run", "."]
        commands = {
            "metaflow": ([python, "flow.py", "--quiet", "run"], variables),
            "server start included": ([*run, "--force"], alone),
            "server up": ([*run, "--force"], here),
            UNCHANGED: (run, here),
        }
        subprocess.run([STAGEWRIGHT, "up"], cwd=folder, env=here, check=True, stdout=subprocess.DEVNULL)
        try:
            stand_by(folder / "up")
            taken = measure(commands, folder, rounds)
        finally:
            subprocess.run([STAGEWRIGHT, "down"], cwd=folder, env=here, check=True, stdout=subprocess.DEVNULL)
    return report(taken)


def measure(commands: dict, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of each command; the first round is the warm-up."""
    taken: dict[str, list[float]] = {what: [] for what in commands}
    for _ in range(rounds + 1):
        for what, (command, variables) in commands.items():
            began = time.perf_counter()
            done = subprocess.run(
                command, cwd=folder, env=variables, capture_output=True, text=True, check=False
            )
            taken[what].append(time.perf_counter() - began)
            if done.returncode:
                raise SystemExit(f"{what}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return {what: seconds[1:] for what, seconds in taken.items()}


def report(taken: dict[str, list[float]]) -> int:
    medians = {what: statistics.median(seconds) for what, seconds in taken.items()}
    broken = 0
    for what, median in medians.items():
        ratio = median / medians["metaflow"]
        budget = BUDGETS.get(what)
        kept = ratio <= budget if budget else what != UNCHANGED or median <= UNCHANGED_SECONDS
        broken += not kept
        limit = f", budget {budget:.2f}" if budget else ", budget 0.3 s" if what == UNCHANGED else ""
        spread = f"{min(taken[what]):.2f} to {max(taken[what]):.2f}"
        verdict = "" if kept else " BROKEN"
        print(f"{what:<22} {median:6.2f} s ({spread}), {ratio:.2f} of Metaflow{limit}{verdict}")
    return int(broken > 0)


def write(folder: Path) -> None:
    """The pipeline, and the flow: a chain each."""
    (folder / "code").mkdir()
    (folder / "code" / "noop.py").write_text("")
    chain = [
        f"  step-{n}: {{kind: processing, code: noop.py{f', after: [step-{n - 1}]' if n else ''}}}"
        for n in range(STEPS)
    ]
    head = [
        "name: noop",
        "triggers: [{type: code}]",
        "defaults: {image: sklearn-1.4, instance_type: ml.m5.large}",
    ]
    (folder / "pipeline.yaml").write_text("\n".join([*head, "stages:", *chain, ""]))
    for state in ("up", "alone"):
        (folder / state).mkdir()
        (folder / state / "local.toml").write_text(f'[pythons]\n"sklearn-1.4" = "{sys.executable}"\n')
    names = ["start", *(f"step_{n}" for n in range(1, STEPS - 1)), "end"]
    steps = [
        f"    @step\n    def {name}(self):\n        {f'self.next(self.{after})' if after else 'pass'}\n"
        for name, after in zip(names, [*names[1:], ""], strict=True)
    ]
    text = [
        "from metaflow import FlowSpec, step\n",
        "class Noop(FlowSpec):",
        *steps,
        'if __name__ == "__main__":',
    ]
    (folder / "flow.py").write_text("\n".join([*text, "    Noop()\n"]))


def stand_by(state: Path) -> None:
    """A command right after `up` would pay for the imports once more."""
    deadline = time.monotonic() + WARM_SECONDS
    while not list(state.glob("commands-*.sock")):
        if time.monotonic() > deadline:
            raise SystemExit(f"nobody stands by; see {state / 'server.log'}")
        time.sleep(0.05)


def metaflow() -> str:
    """The Python of Metaflow's own environment."""
    folder = program.STAGEWRIGHT.cache_folder / "benchmarks" / METAFLOW
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "-q", "--clear", "--python", sys.executable, folder], check=True)
        packages = [METAFLOW, "setuptools"]
        subprocess.run([*uv, "pip", "install", "-q", "--python", python, *packages], check=True)
        (folder / "made").touch()
    return str(python)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
