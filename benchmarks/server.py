"""Prints how long the local server takes: to start, to carry an event to a function, to run an execution.

    python -m benchmarks.server [rounds]

Medians in milliseconds. A machine's first start makes the whole installation, a directory's first start
copies the snapshot of it, and "start" finds it made.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.local.clients import connect
from tests.local.test_events import build

from sagemaker_local import state_folder
from stagewright.local import server as local


def timed(action: Callable[[], Any]) -> float:
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1000


def report(what: str, values: list[float]) -> None:
    print(f"{what:<42} {statistics.median(values):8.1f} ms   ({min(values):.1f} to {max(values):.1f})")


def starts(folder: Path, rounds: int) -> None:
    machine, first, again, down = [], [], [], []
    for number in range(rounds):
        os.environ["STAGEWRIGHT_CACHE"] = str(folder / f"cache-{number}")
        state = folder / f"machine-{number}"
        machine.append(timed(lambda state=state: local.up(state)))
        local.down(state)
        state = folder / str(number)
        first.append(timed(lambda state=state: local.up(state)))
        down.append(timed(lambda state=state: local.down(state)))
        again.append(timed(lambda state=state: local.up(state)))
        local.down(state)
    report("first start on a machine", machine)
    report("first start of a state directory", first)
    report("start", again)
    report("stop", down)


def wait(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.001)


def events(client: Callable[[str], Any], rounds: int) -> list[float]:
    """From before the put of an object to the function's own object being there. The first is the warm-up."""
    build(client, "bench")
    s3 = client("s3")
    values = []
    for number in range(rounds + 1):
        began = time.perf_counter()
        s3.put_object(Bucket="bench", Key=f"in/{number}", Body=b"")
        wait(
            lambda number=number: "Contents" in s3.list_objects_v2(Bucket="bench", Prefix=f"seen/in-{number}")
        )
        values.append((time.perf_counter() - began) * 1000)
    return values[1:]


def executions(client: Callable[[str], Any], rounds: int) -> list[float]:
    sfn = client("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    role = "arn:aws:iam::000000000000:role/r"
    machine = sfn.create_state_machine(name="bench", definition=definition, roleArn=role)["stateMachineArn"]

    def run() -> None:
        execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
        wait(lambda: sfn.describe_execution(executionArn=execution)["status"] != "RUNNING")

    return [timed(run) for _ in range(rounds)]


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        starts(Path(folder), rounds)
        server = local.up(Path(folder) / "0")
        try:
            report("request (sts GetCallerIdentity)", requests(server, rounds))
            report(
                "object -> rule -> queue -> function -> object",
                events(lambda name: connect(server, name), rounds),
            )
            report("execution of one Pass state", executions(lambda name: connect(server, name), rounds))
        finally:
            local.down(Path(folder) / "0")


def requests(server: state_folder.Server, rounds: int) -> list[float]:
    sts = connect(server, "sts")
    sts.get_caller_identity()
    return [timed(sts.get_caller_identity) for _ in range(rounds * 10)]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
