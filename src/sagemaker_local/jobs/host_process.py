"""The process of one host of a job, its log stream and its exit code."""

from __future__ import annotations

from collections.abc import Callable

from sagemaker_local.jobs.hosts import Host
from sagemaker_local.logs.lines import events_of
from sagemaker_local.logs.log_stream import LogStream
from sagemaker_local.sandbox.launcher import Process

REASON_LINES = 3
TOOLKIT = " sagemaker-training-toolkit "
"""Part of each line that sagemaker-training itself logs."""
TRACEBACK = "Traceback (most recent call last):"


class HostRun:
    def __init__(self, host: Host, log: LogStream) -> None:
        self.host = host
        self.log = log
        self.process: Process | None = None
        self.code = 0

    def follow(self, observe: Callable[[str], None]) -> int:
        """Write the process's output to the log until it ends. Returns the exit code."""
        process = self.process
        if process is None:
            return 0
        for event in events_of(process.output):
            observe(self.log.write(event))
        self.code = process.wait()
        process.output.close()
        return self.code

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()

    def kill_unread(self) -> None:
        """Kill a process whose output is not read."""
        if self.process is not None:
            self.process.kill()
            self.process.output.close()

    def last_lines(self, exclude: str = "", count: int = REASON_LINES) -> str:
        """The last lines of the log, without the lines in `exclude` and those of AWS's toolkit.

        If the log ends with a traceback, only the traceback's last line.
        """
        excluded = set(exclude.splitlines())
        lines = [line for line in self.log.tail if line.strip() and line not in excluded]
        lines = [line for line in lines if TOOLKIT not in line] or lines
        return exception_in(lines) or "\n".join(lines[-count:])


def exception_in(lines: list[str]) -> str:
    """The last line of the last traceback; empty if there is none. A progress bar may precede the
    traceback."""
    starts = [number for number, line in enumerate(lines) if line.endswith(TRACEBACK)]
    after = lines[starts[-1] + 1 :] if starts else []
    return next((line for line in after if not line.startswith((" ", "\t"))), "")
