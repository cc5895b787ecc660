"""A stage of a run, as `run.stages` has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stagewright.api import html, tables
from stagewright.api.log_lines import LogLines

if TYPE_CHECKING:
    from stagewright.api.target import Session
    from stagewright.runs.history.records import RunRecord, StageRecord


@dataclass(frozen=True, repr=False)
class Stage:
    """One stage of a run.

    Attributes:
        record: All that is recorded about the stage.
    """

    record: StageRecord
    run: str
    session: Session

    @property
    def name(self) -> str:
        """The name of the stage in the document."""
        return self.record.name

    @property
    def kind(self) -> str:
        """`processing`, `training`, `gate`, ..."""
        return self.record.kind

    @property
    def status(self) -> str:
        """`SUCCEEDED`, `FAILED`, `REUSED`, `SKIPPED`, `RUNNING`, `PLANNED`, `WAITING`, `CLOSED`, `STOPPED` or
        `NOT_RUN`."""
        return self.record.status

    @property
    def why(self) -> str:
        """Why the stage failed, ran, was reused or was skipped."""
        return tables.why(self.record)

    @property
    def metrics(self) -> Mapping[str, float]:
        """Metric -> value. Empty: the stage has none."""
        return self.record.metrics

    @property
    def outputs(self) -> Mapping[str, str]:
        """Output -> S3 URI. Empty: the stage has none."""
        return self.record.result.get("outputs") or {}

    @property
    def model(self) -> str:
        """S3 URI of the model.tar.gz of a training or tuning stage. Empty: there is none."""
        return str(self.record.result.get("model", ""))

    @property
    def package(self) -> str:
        """ARN of the version in the model registry. Empty: there is none."""
        return str(self.record.result.get("package", ""))

    @property
    def endpoint(self) -> str:
        """Name of the endpoint. Empty: there is none."""
        return str(self.record.result.get("endpoint", ""))

    @property
    def result(self) -> Mapping[str, Any]:
        """The whole result: pointers and metrics."""
        return self.record.result

    @property
    def job(self) -> str:
        """Name of the SageMaker job. Empty: there is none."""
        return self.record.job

    @property
    def seconds(self) -> float | None:
        """How long the stage took. None: it has not ended, or did not run."""
        return self.record.seconds

    def logs(self, lines: int = 100) -> LogLines:
        """The last lines of the stage's log. That of a reused stage is in the run that made its result."""
        from stagewright.runs.history import logs, run_history

        gateway = self.session.gateway
        return LogLines(logs.tail(gateway, run_history.show(gateway, self.run), self.name, lines))

    def get(
        self, output: str = ".", folder: str | Path = ".", *, unpack: bool = False, overwrite: bool = False
    ) -> list[Path]:
        """Fetch an output into `folder / output`, or a model into `folder`. Returns the files.

        Args:
            output: An output, `model`, a part of an output (`report/plots`), or `.` for everything.
            folder: Where to write. It is created.
            unpack: Unpack each .tar.gz into a folder of its name.
            overwrite: Replace files that exist. Otherwise TargetError, and nothing is written.
        """
        from stagewright.api.download import download

        return download(
            self.session.gateway, self.record, self.run, output, Path(folder), unpack=unpack,
            overwrite=overwrite,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"<Stage {self.name}: {self.status}>"

    def _repr_html_(self) -> str:
        return html.table(tables.STAGE_HEADER, [tables.stage_cells(self.record)])


class Stages(dict[str, Stage]):
    """Stage name -> stage, in the order of the document. NotFoundError names the stage that was meant."""

    def __init__(self, record: RunRecord, session: Session) -> None:
        super().__init__({stage.name: Stage(stage, record.run, session) for stage in record.stages})
        self._record = record

    def __missing__(self, name: str) -> Stage:
        self._record.stage(name)
        raise KeyError(name)

    def _repr_html_(self) -> str:
        return html.table(tables.STAGE_HEADER, [tables.stage_cells(stage.record) for stage in self.values()])
