"""A run, as `stagewright.run` and `stagewright.show` return it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from stagewright.api import formatting, html, tables, waiting
from stagewright.api.launch import caller
from stagewright.api.log_lines import LogLines
from stagewright.api.stage import Stages
from stagewright.errors import RunFailedError

if TYPE_CHECKING:
    from stagewright.api.target import Session
    from stagewright.runs.history.records import RunRecord
    from stagewright.runs.usage import RunCost
    from stagewright.syntax.fields import Scalar


class Run:
    """One run of a pipeline. While the run is open, each property reads its present state."""

    def __init__(self, session: Session, run: str, header: RunRecord | None = None) -> None:
        """`header`: its record from a list, which has no stages."""
        self.id, self.session = run, session
        self._header = header
        self._record: RunRecord | None = None

    @property
    def record(self) -> RunRecord:
        """All that is recorded about the run and its stages."""
        if self._record is None or self._record.is_open:
            from stagewright.runs.history import run_history

            self._record = run_history.show(self.session.gateway, self.id)
        return self._record

    @property
    def pipeline(self) -> str:
        """The name of the pipeline."""
        return self._known().pipeline

    @property
    def status(self) -> str:
        """`QUEUED`, `PLANNED`, `RUNNING`, `SUCCEEDED`, `FAILED`, `STOPPED` or `REJECTED`."""
        return self._present().status

    @property
    def is_open(self) -> bool:
        """Whether the run has not ended."""
        return self._present().is_open

    @property
    def reason(self) -> str:
        """Why the run failed, was rejected or waits. Empty: there is nothing to report."""
        return formatting.one_line(self._present().reason)

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        """The parameters that the run was started with, without the document's own values."""
        return self._known().trigger.parameters

    @property
    def stages(self) -> Stages:
        """Stage name -> stage."""
        return Stages(self.record, self.session)

    @property
    def metrics(self) -> dict[str, float]:
        """`stage.metric` -> value, of every stage. Reused results count."""
        return tables.metrics_of(self.record)

    @property
    def seconds(self) -> float | None:
        """How long the run took. None: it has not ended."""
        return self._present().seconds

    @property
    def cost(self) -> RunCost | None:
        """What the run used and cost. None: it is not counted yet."""
        return self.record.cost

    def wait(self, timeout: float | None = None, *, check: bool = True) -> Run:
        """Wait until the run ends, and return it.

        Raises TimeoutError after `timeout` seconds; the run continues. With `check`, raises RunFailedError if
        the run did not succeed.
        """
        for record in waiting.records(self.session, self.id, timeout):
            self._record = record
        if self._record is None or self._record.is_open:
            raise TimeoutError(f"{self.id} has not ended after {timeout:g} s; the run continues")
        if check and self._record.status != "SUCCEEDED":
            raise failure(self._record)
        return self

    def stop(self) -> Run:
        """Stop the run and its jobs, wait until they have stopped, and return the run."""
        from stagewright.runs.stop import stop

        stop(self.session.gateway, self.id, caller(self.session))
        return self.wait(check=False)

    def resume(self, document: str | None = None) -> Run:
        """Start a run that continues this one, and return it. See `stagewright resume`."""
        from stagewright.api import open_sessions, resuming

        session = open_sessions.connected(self.session.target, runs=True)
        started = resuming.read(session, self.id, document).start()
        return Run(session, open_sessions.stay_up_for(session, started))

    def logs(self, lines: int = 100) -> LogLines:
        """The last lines of the logs of all stages, sorted by time."""
        from stagewright.runs.history import logs

        return LogLines(logs.tail(self.session.gateway, self.record, None, lines))

    def __repr__(self) -> str:
        return f"<Run {self.id}: {self.status}>"

    def _repr_html_(self) -> str:
        return html.paragraph(formatting.headline(self.record)) + self.stages._repr_html_()

    def _known(self) -> RunRecord:
        """The last record that was read, for what never changes."""
        return self._record or self._header or self.record

    def _present(self) -> RunRecord:
        """The record of now. That of a run that ended does not change."""
        known = self._known()
        return self.record if known.is_open else known


def failure(record: RunRecord) -> RunFailedError:
    """The error of a run that ended without success. It names each failed stage and its cause."""
    failed = [stage for stage in record.stages if stage.status == "FAILED"]
    if not failed:
        return RunFailedError(formatting.headline(record), f"stagewright show {record.run}")
    causes = (f"stage {stage.name}: {formatting.one_line(stage.cause or stage.error)}" for stage in failed)
    message = "\n".join([f"{record.run}: {record.status}", *causes])
    return RunFailedError(message, f"stagewright logs {record.run} {failed[0].name}")
