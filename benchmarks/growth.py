"""Prints what a large log and many runs cost the local server, beside the same without them.

    python -m benchmarks.growth [--log-mb 200] [--runs 20000]

One job writes the log. The runs are copies of its run in the table: header, claim and stages.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from stagewright.api.target import connect
from stagewright.local import server as local
from stagewright.store.items import decode

DOCUMENT = """\
name: chatty
defaults: {image: sklearn-1.4, instance_type: ml.m5.large}
stages:
  a: {kind: processing, code: a.py, outputs: [made]}
"""
SCRIPT = """\
for _ in range(LINES):
    print("x" * 99)
open("/opt/ml/processing/output/made/done.txt", "w").write("done")
"""
LINE_BYTES = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log-mb", type=int, default=200)
    parser.add_argument("--runs", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'':<28}{'run':>9}{'peak':>9}{'state':>9}{'start':>9}{'runs':>9}{'logs':>9}{'stop':>9}")
        measure(Path(folder) / "small", "1 line of log, 1 run", 1, 1)
        measure(Path(folder) / "log", f"{options.log_mb} MB of log", options.log_mb * 10**6 // LINE_BYTES, 1)
        measure(Path(folder) / "runs", f"{options.runs} runs", 1, options.runs)


def measure(folder: Path, what: str, lines: int, runs: int) -> None:
    """Print seconds of commands, MB of the server's peak memory and of the state without logs."""
    folder.mkdir()
    (folder / "pipeline.yaml").write_text(DOCUMENT)
    (folder / "code").mkdir()
    (folder / "code/a.py").write_text(SCRIPT.replace("LINES", str(lines)))
    state = folder / "state"
    os.environ["STAGEWRIGHT_STATE"] = str(state)
    server = local.up(state)
    took = command(folder, "run", "pipeline.yaml")
    fill(server, runs)
    peak = peak_mb(server.pid)
    stop = command(folder, "down")
    size = state_mb(state)
    began = time.perf_counter()
    server = local.up(state)
    start = time.perf_counter() - began
    command(folder, "runs")  # starts the command daemon
    times = [took, peak, size, start, command(folder, "runs"), command(folder, "logs", "chatty"), stop]
    peak = max(peak, peak_mb(server.pid))
    times[1] = peak
    command(folder, "down")
    units = ("s", "MB", "MB", "s", "s", "s", "s")
    print(
        f"{what:<28}" + "".join(f"{value:6.1f} {unit:<2}" for value, unit in zip(times, units, strict=True))
    )


def command(folder: Path, *arguments: str) -> float:
    began = time.perf_counter()
    line = [str(Path(sys.executable).with_name("stagewright")), *arguments]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(line)} failed with {done.returncode}: {done.stderr}")
    return time.perf_counter() - began


def fill(server: local.Server, runs: int) -> None:
    """Copy the items of the one run, each copy a second older than the one before."""
    gateway = connect(server)
    table = gateway.runs.table
    scanned = gateway.runs.client.scan(TableName=table)["Items"]
    (header,) = [item for item in map(decode, scanned) if item["item"] == "run"]
    items = [item for item in map(decode, scanned) if item["run"] == header["run"]]

    def copies() -> Iterator[dict[str, object]]:
        for number in range(1, runs):
            moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(1_700_000_000 - number))
            for item in items:
                copy = {**item, "run": f"chatty-copy-{number:06}"}
                yield {**copy, "created": moment} if "created" in item else copy

    gateway.runs.put_all(copies())


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000


def state_mb(state: Path) -> float:
    """Size of the state directory without the jobs' logs and their times."""
    files = [file for file in state.rglob("*") if file.is_file() and not file.name.startswith("log")]
    return sum(file.stat().st_size for file in files) / 10**6


if __name__ == "__main__":
    main()
