"""Run every check, then the tests, and print the time of each.

python -m tools.check         what `make test` runs: all but the slow lanes
python -m tools.check --all   what `make test-all` runs: everything, with tools/audit.py
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

Command = tuple[str, ...]

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
CHECKS: dict[str, Command] = {
    "lint": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "layers": ("lint-imports",),
    "types": ("mypy",),
}
WORKERS = str((os.cpu_count() or 1) * 2)
"""Twice as many as processors: half of the tests' time is spent waiting for servers and jobs."""
TESTS: Command = (
    "pytest", "-n", WORKERS, "--dist", "loadfile", "--no-loadscope-reorder",
    "--junitxml", "reports/junit.xml",
)  # fmt: skip
"""A file stays on one worker; tests/support/lanes.py sets the order of the files."""
FAST: Command = ("-m", "not slow")
AUDIT: Command = ("python", "-m", "tools.audit")


def run(name: str, command: Command) -> tuple[str, int, float]:
    """Run a command of the virtual environment. Return its name, exit code and seconds."""
    print(f"\n== {name}: {' '.join(command)}", flush=True)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PATH"] = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    start = time.monotonic()
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, env=environment, check=False)
    return name, done.returncode, time.monotonic() - start


def main() -> int:
    """Run all commands, also after a failure. Return 1 if any failed."""
    parser = argparse.ArgumentParser(description="Run every check and the tests.")
    parser.add_argument("--all", action="store_true", help="run the slow lanes and the audit as well")
    last = {"audit": AUDIT, "tests": TESTS} if parser.parse_args().all else {"tests": (*TESTS, *FAST)}
    results = [run(name, command) for name, command in (CHECKS | last).items()]
    print()
    for name, code, seconds in results:
        print(f"{'ok    ' if code == 0 else 'FAILED'} {name:<8} {seconds:6.1f} s")
    return max(code != 0 for _, code, _ in results)


if __name__ == "__main__":
    sys.exit(main())
