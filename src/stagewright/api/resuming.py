"""Resume a run with the document on this disk, or with the last push."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stagewright.api import documents, launch, local_images, unpushed
from stagewright.api.planning import plan_run, release_of
from stagewright.api.run_options import pushed, warn_of_code
from stagewright.errors import NotFoundError
from stagewright.planner.selection import Selection, parse_names
from stagewright.runs import resume
from stagewright.runs.requests import request_resume

if TYPE_CHECKING:
    from stagewright.api.source import Source
    from stagewright.api.target import Session
    from stagewright.planner.model import Plan
    from stagewright.store.run_items import Header


@dataclass(frozen=True)
class Resumed:
    """A run that is to be resumed.

    Fields:
        header: The old run.
        source: The document on this disk. None: the new run uses the last push.
        bypass: What the new run does without.
    """

    session: Session
    header: Header
    source: Source | None
    bypass: Selection

    @property
    def description(self) -> str:
        """The old run and the document, as people read it."""
        origin = f"from {self.source.path}" if self.source else "from the last push"
        return f"{self.header.run} ({self.header.status}) with {self.header.pipeline} {origin}"

    def plan(self) -> Plan:
        """Plan of the new run. Uploads sample data to the local target."""
        from stagewright.api.sample_data import upload_samples
        from stagewright.api.source import effective

        session, header, source = self.session, self.header, self.source
        if source:
            document, release = effective(session, source), release_of(source)
            local_images.warn(session, document.pipeline)
            upload_samples(session, source)
        else:
            document, release = pushed(session.gateway, header.pipeline)
        key = resume.key_of(session.gateway, header.run)
        trigger = resume.trigger_of(header, key, launch.caller(session), self.bypass)
        return plan_run(session, release, document, trigger, folder=source.path.parent if source else None)

    def start(self) -> str:
        """Push the document if there is one, start the new run and return its id."""
        from stagewright.api.source import effective

        session, header, source, key = self.session, self.header, self.source, None
        if source:
            push = launch.push(session, source, selection=self.bypass, resumes=header.run)
            launch.note_pushed(source, push)
            key = push.trigger_key
        key = key or request_resume(session.gateway, header, launch.caller(session), self.bypass)
        new_run = launch.wait_or_note(session, key)
        if source and session.is_local:
            local_images.note_builds(session, effective(session, source).pipeline, new_run)
        return new_run


def read(
    session: Session, run: str, document: str | None = None, bypass: Sequence[str] = (), reason: str = ""
) -> Resumed:
    """Find the run and the document of the new run.

    Without `document`, on the local target, it is the pipeline's in the current folder or in pipelines/.
    NotFoundError: there is no such run. RunFailedError: it cannot be resumed.
    """
    header = resume.resumable(session.gateway, run)
    selection = Selection(bypass=parse_names(bypass), reason=reason.strip())
    return Resumed(session, header, _source_of(session, header, document), selection)


def _nearby_document(pipeline: str) -> Path | None:
    """The document of a pipeline in the current folder or in pipelines/."""
    paths = (documents.find(argument) for argument in (".", pipeline))
    return next((path for path in paths if path and documents.read(str(path)).name == pipeline), None)


def _source_of(session: Session, header: Header, document: str | None) -> Source | None:
    """The document on this disk for the new run. None: the new run uses the last push."""
    from stagewright.api.source import Source

    if document:
        path: Path | None = documents.path_of(document)
    else:
        path = _nearby_document(header.pipeline) if session.is_local else None
    if path is None:
        unpushed.warn(session, header.pipeline)
        return None
    source = Source.read(path)
    if source.pipeline.name != header.pipeline:
        raise NotFoundError(
            f"{path} is the document of {source.pipeline.name}, but {header.run} is of {header.pipeline}",
            "give the document of that pipeline",
        )
    warn_of_code(source, source.in_environment(session.gateway.installation.environment))
    return source
