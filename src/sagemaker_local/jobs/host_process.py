"""One host of a running job: its process, its log stream, and how it ended."""

from __future__ import annotations

from collections.abc import Callable

from sagemaker_local.jobs.hosts import Host
from sagemaker_local.logs import LogStream
from sagemaker_local.sandbox.launcher import Process

LINE_LIMIT = 256 * 1024
REASON_LINES = 3
TOOLKIT = " sagemaker-training-toolkit "
"""In each line that sagemaker-training itself logs."""
TRACEBACK = "Traceback (most recent call last):"


class HostRun:
    def __init__(self, host: Host, log: LogStream) -> None:
        self.host = host
        self.log = log
        self.process: Process | None = None
        self.code = 0

    def follow(self, observe: Callable[[str], None]) -> int:
        """Until the process has ended: its lines to the log; its exit code."""
        process = self.process
        if process is None:
            return 0
        while raw := process.output.readline(LINE_LIMIT):
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            self.log.write(line)
            observe(line)
        self.code = process.wait()
        process.output.close()
        return self.code

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()

    def abandon(self) -> None:
        """Ends a process that nobody follows."""
        if self.process is not None:
            self.process.kill()
            self.process.output.close()

    def last_words(self, beside: str = "", count: int = REASON_LINES) -> str:
        """The log's last lines but for those of `beside` and of AWS's toolkit; of a traceback, its last."""
        known = set(beside.splitlines())
        lines = [line for line in self.log.tail if line.strip() and line not in known]
        lines = [line for line in lines if TOOLKIT not in line] or lines
        return exception_in(lines) or "\n".join(lines[-count:])


def exception_in(lines: list[str]) -> str:
    """What the last traceback ends with; empty where there is none. A progress bar may stand before it."""
    begins = [number for number, line in enumerate(lines) if line.endswith(TRACEBACK)]
    said = [line for line in lines[begins[-1] + 1 :] if not line.startswith((" ", "\t"))] if begins else []
    return said[0] if said else ""
