"""A job that runs one command per host: prepare the host's folder, run the command, upload the results."""

from __future__ import annotations

import subprocess
import threading
import time
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from sagemaker_local.images.environments import Environment
from sagemaker_local.images.overlay import lay_over
from sagemaker_local.images.stand_ins import stand_ins
from sagemaker_local.jobs.advice import advice
from sagemaker_local.jobs.failure_reason import printable, renamed
from sagemaker_local.jobs.host_process import HostRun
from sagemaker_local.jobs.hosts import Host, make_hosts
from sagemaker_local.jobs.job_environment import base_environment, merge_requested
from sagemaker_local.jobs.job_files import CONTAINER
from sagemaker_local.jobs.job_run import INTERRUPTED, REASON_LIMIT, JobRun
from sagemaker_local.resource import Context, now
from sagemaker_local.sandbox.launcher import Command
from sagemaker_local.store import Record

if TYPE_CHECKING:
    from sagemaker_local.logs.log_stream import LogStream

NOT_ISOLATED = "EnableNetworkIsolation has no effect here: it needs namespaces, and a job of one instance"
NO_NAMES = "without namespaces, hosts cannot reach each other by name; all are this machine, 127.0.0.1"


class ProcessRun(JobRun):
    """A job with a process per host. The job's thread follows the first host; other threads follow the
    others."""

    workdir = "/opt/ml"
    running_status = "Training"
    installs_requirements = False
    """Whether the job installs the requirements.txt of its source."""

    def __init__(self, context: Context, record: Record) -> None:
        super().__init__(context, record)
        self.hosts = make_hosts(self.folder, self.instance_count)
        self._runs: list[HostRun] = []
        self._failed: HostRun | None = None
        self._framework = ""

    @abstractmethod
    def prepare(self, environment: Environment, host: Host) -> Environment:
        """Fill the host's /opt/ml. Returns the environment that the command runs in."""

    @abstractmethod
    def command(self, python: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """The command line, and the variables of this job type."""

    @abstractmethod
    def upload_results(self, succeeded: bool) -> None:
        """Upload the job's results. `succeeded` is true for a stopped job, false for a failed one."""

    @abstractmethod
    def failure_text(self, failed: HostRun) -> str:
        """The failure that the job wrote on the failed host; empty if it wrote none."""

    @property
    @abstractmethod
    def image(self) -> str: ...

    @property
    @abstractmethod
    def instance_count(self) -> int: ...

    @property
    @abstractmethod
    def wants_isolation(self) -> bool:
        """Whether the job asks for network isolation."""

    def observe(self, line: str) -> None:
        """Process one line of the job's output."""

    def execute(self) -> str:
        for host in self.hosts:
            host.opt_ml.mkdir(parents=True)
        self.warn()
        base = self.context.environments.resolve(self.image, self.log.note)
        if base.warning:
            self.log.note(f"WARNING: {base.warning}")
        self._framework = base.framework
        environments = [self.prepare(base, host) for host in self.hosts]
        if self._stopping.is_set():
            return ""
        self._run_all(environments)
        failed = self._failed
        stopped = self._stopping.is_set()
        if self._interrupted:
            return INTERRUPTED
        try:
            self.upload_results(succeeded=failed is None or stopped)
        except Exception as error:
            if failed is None and not stopped:
                raise
            self.log.note(self.reason_of(error))
        return "" if failed is None or stopped else self._algorithm_error(failed)

    def warn(self) -> None:
        super().warn()
        if len(self.hosts) > 1 and not self.context.launcher.isolation.mode:
            self.log.note(f"WARNING: {NO_NAMES}")
        if self.wants_isolation and (len(self.hosts) > 1 or not self.context.launcher.isolation.mode):
            self.log.note(f"WARNING: {NOT_ISOLATED}")

    def kill(self) -> None:
        with self._lock:
            runs = self._runs
        for run in runs:
            run.kill()

    def terminate(self) -> None:
        processes = [run.process for run in self._runs if run.process is not None]
        for process in processes:
            process.terminate()
        end = time.monotonic() + self.context.settings.stop_grace
        for process in processes:
            try:
                process.wait(max(0.0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()

    def _run_all(self, environments: list[Environment]) -> None:
        started = int(time.time())
        other_logs = [self._open_log(host, started) for host in self.hosts[1:]]
        try:
            runs = [HostRun(*pair) for pair in zip(self.hosts, [self.log, *other_logs], strict=True)]
            self._run(runs, environments)
        finally:
            for log in other_logs:
                log.close()

    def _open_log(self, host: Host, started: int) -> LogStream:
        stream = f"{self.name}/{host.name}-{started}"
        return self.context.logs.open(self.kind.log_group, stream, host.log_file)

    def _command_of(self, host: Host, environment: Environment) -> Command:
        python = lay_over(environment.python, host.folder / "python", stand_ins(environment.framework))
        argv, job_variables = self.command(str(python))
        programs = (python.parent, environment.python.parent)
        base = base_environment(self.context.settings, host.folder / "home", programs)
        env = {**merge_requested(base, self.record.get("Environment", {})), **job_variables}
        isolated = self.wants_isolation and len(self.hosts) == 1
        return Command(host.opt_ml, argv, env, self.workdir, host.name, host.names, isolated=isolated)

    def _run(self, runs: list[HostRun], environments: list[Environment]) -> None:
        """Run a process per host until all have ended."""
        commands = [self._command_of(*pair) for pair in zip(self.hosts, environments, strict=True)]
        with self._lock:
            if self._stopping.is_set():
                return
            self._runs = runs
            self._launch(runs, commands)
            self.record[self.kind.started] = now()
        limit = self.record["StoppingCondition"].get("MaxRuntimeInSeconds")
        timer = threading.Timer(limit, self.stop, ["MaxRuntimeExceeded"]) if limit else None
        if timer is not None:
            timer.daemon = True
            timer.start()
        self.set_status(self.running_status)
        self._follow_all(runs)
        if timer is not None:
            timer.cancel()

    def _launch(self, runs: list[HostRun], commands: list[Command]) -> None:
        """Start all processes, or none."""
        try:
            for run, command in zip(runs, commands, strict=True):
                run.process = self.context.launcher.start(command)
        except BaseException:
            for run in runs:
                run.kill_unread()
            raise

    def _follow_all(self, runs: list[HostRun]) -> None:
        others = [threading.Thread(target=self._follow, args=(run,), daemon=True) for run in runs[1:]]
        for other in others:
            other.start()
        self._follow(runs[0])
        for other in others:
            other.join()

    def _follow(self, run: HostRun) -> None:
        """Follow a process. The first host that fails ends the others, which would wait for it."""
        if run.follow(self.observe) == 0:
            return
        with self._lock:
            if self._failed is not None or self._stopping.is_set():
                self._failed = self._failed or run
                return
            self._failed = run
        for other in self._runs:
            if other is not run:
                other.kill()

    def shown_folders(self) -> dict[Path, str]:
        return super().shown_folders() | {host.opt_ml: CONTAINER for host in self.hosts}

    def _algorithm_error(self, failed: HostRun) -> str:
        text = renamed(self.failure_text(failed) or failed.last_lines(), self.shown_folders())
        output, folder = failed.last_lines(), failed.host.opt_ml
        hint = advice(output, self._framework, failed.code, folder, installs=self.installs_requirements)
        if hint:
            failed.log.note(f"HINT: {printable(hint)}")
        ending = f", exit code: {failed.code}"
        return f"AlgorithmError: {text}"[: REASON_LIMIT - len(ending)] + ending
