"""The router's own time per event, warm, and its import. Budgets: 15 ms; 1.3 times boto3, pydantic, Logger.

Own time is that of an event less the time in which a request or more were under way to the server. The import
is measured against one that defines a model, as pydantic loads most of itself only then.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from unittest import mock

from botocore.httpsession import URLLib3Session
from tests.support.emulator import serving
from tests.support.installation import DOCUMENT, FILES, connect
from tests.support.messages import route

from stagewright.document.load import load
from stagewright.runs.releases.push import push

EVENTS = 40
WARM_UP = 5
OWN_BUDGET_MS = 15.0
IMPORTS = 9
IMPORT_BUDGET = 1.3
BASE = """
import boto3
from pydantic import BaseModel, Field
from aws_lambda_powertools import Logger
class Model(BaseModel):
    size: int = Field(ge=1)
"""
TIMED = "import time; begin = time.perf_counter()\n{}\nprint(time.perf_counter() - begin)"


class Waiting:
    """Seconds in which one request or more were under way."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.under_way = 0
        self.since = 0.0
        self.seconds = 0.0

    def wrap(self, send):
        def measured(session, request):
            with self.lock:
                self.under_way += 1
                if self.under_way == 1:
                    self.since = time.perf_counter()
            try:
                return send(session, request)
            finally:
                with self.lock:
                    self.under_way -= 1
                    if not self.under_way:
                        self.seconds += time.perf_counter() - self.since

        return measured


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as url:
        own, total = _events(url)
    base, ours = _imports()
    print(f"event, first to last call: {total * 1000:6.1f} ms (median of {EVENTS})")
    print(f"event, own time:           {own * 1000:6.1f} ms (budget {OWN_BUDGET_MS:.0f} ms)")
    print(
        f"import: {ours * 1000:.0f} ms, of that boto3, pydantic, Logger {base * 1000:.0f} ms: "
        f"{ours / base:.2f} (budget {IMPORT_BUDGET})"
    )
    return 0 if own * 1000 <= OWN_BUDGET_MS and ours / base <= IMPORT_BUDGET else 1


def _events(url: str) -> tuple[float, float]:
    """Medians of own and whole seconds, of manual runs of a pushed pipeline whose results are not reused."""
    gateway = connect(url, "benchmark")
    push(gateway, load(DOCUMENT), FILES)
    own, total = [], []
    for number in range(WARM_UP + EVENTS):
        waiting = Waiting()
        body = _request(number)
        with mock.patch.object(URLLib3Session, "send", waiting.wrap(URLLib3Session.send)):
            begin = time.perf_counter()
            started = route(gateway, body)
            seconds = time.perf_counter() - begin
        assert started is not None
        assert started.new
        if number >= WARM_UP:
            own.append(seconds - waiting.seconds)
            total.append(seconds)
    gateway.close()
    return statistics.median(own), statistics.median(total)


def _request(number: int) -> str:
    detail = {
        "pipeline": "prices",
        "request": str(number),
        "by": "benchmark",
        "parameters": {"limit": number},
    }
    event = {"source": "stagewright", "detail-type": "Run Requested", "time": "2026-01-31T14:00:00Z"}
    return json.dumps(event | {"detail": detail})


def _imports() -> tuple[float, float]:
    """Median seconds without and with the router, of fresh interpreters that take turns."""
    codes = (BASE, f"{BASE}import stagewright.functions.router")
    seconds = [[_import(code) for code in codes] for _ in range(IMPORTS)]
    base, ours = (statistics.median(column) for column in zip(*seconds, strict=True))
    return base, ours


def _import(code: str) -> float:
    command = [sys.executable, "-c", TIMED.format(code)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    raise SystemExit(main())
