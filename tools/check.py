"""Every check and test, one after another, with the time each took. `make test` runs this."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("lint", ("ruff", "check", ".")),
    ("format", ("ruff", "format", "--check", ".")),
    ("layers", ("lint-imports",)),
    ("types", ("mypy",)),
    ("tests", ("pytest", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")),
)


def run(name: str, command: tuple[str, ...]) -> tuple[str, int, float]:
    print(f"\n== {name}: {' '.join(command)}", flush=True)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PATH"] = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    start = time.monotonic()
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, env=environment, check=False)
    return name, done.returncode, time.monotonic() - start


def main() -> int:
    results = [run(name, command) for name, command in CHECKS]
    print()
    for name, code, seconds in results:
        print(f"{'ok    ' if code == 0 else 'FAILED'} {name:<8} {seconds:6.1f} s")
    return max(code != 0 for _, code, _ in results)


if __name__ == "__main__":
    sys.exit(main())
