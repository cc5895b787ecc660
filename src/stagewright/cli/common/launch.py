"""Starts exactly one run, by an event: the manifest's where something was pushed, else one of our own."""

from __future__ import annotations

import getpass
import hashlib
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stagewright.cli.common import output
from stagewright.cli.common.overlays import overlays
from stagewright.errors import ReleaseError, TargetError

if TYPE_CHECKING:
    from stagewright.cli.common.target import Session
    from stagewright.document.pipeline import Pipeline
    from stagewright.operator_gateway import OperatorGateway
    from stagewright.planner.selection import Selection
    from stagewright.runs.releases.push import Pushed
    from stagewright.stages.registry import AnyStage
    from stagewright.syntax.fields import Scalar

SHORTEST = 0.03
"""Seconds between two looks. On this machine, a look takes 10 ms of what the run itself could use."""
PATIENCE = 90.0
"""Seconds that an event may take to become a run: the queue, a cold function, and the plan."""


@dataclass(frozen=True)
class Source:
    """A document on this disk: its path, what it says, and its code files."""

    path: Path
    pipeline: Pipeline
    files: Mapping[str, bytes]

    @classmethod
    def read(cls, path: Path) -> Source:
        from stagewright.cli.common.sibling_checks import duplicate_name_findings
        from stagewright.document.file import read_document
        from stagewright.runs.releases.code_folder import scan
        from stagewright.runs.releases.named_files import code_findings

        pipeline = read_document(path, code_findings, duplicate_name_findings)
        return cls(path, pipeline, scan(path.parent / pipeline.code))

    def overlay(self, environment: str) -> Mapping[str, Any]:
        """What `environments/<environment>.yaml` beside the document changes of it; empty without it."""
        from stagewright.document.file import read_overlay
        from stagewright.runs.releases.named_files import code_findings

        files = [file for file in overlays(self.path) if file.stem == environment]
        if len(files) > 1:
            names = " and ".join(file.name for file in files)
            raise ReleaseError(f"{files[0].parent}: {names} are of one environment", "keep one of them")
        return read_overlay(files[0], self.path.parent, self.pipeline, code_findings) if files else {}

    def in_environment(self, environment: str) -> Pipeline:
        """The document with that environment's overlay."""
        from stagewright.document.load import load
        from stagewright.document.merge import merged

        overlay = self.overlay(environment)
        under = self.pipeline.model_dump(mode="json", exclude_unset=True)
        return load(merged(under, overlay)) if overlay else self.pipeline


def effective(session: Session, source: Source) -> Pipeline:
    """What a push of `source` would make of the document there, with the overlay and the overrides."""

    from stagewright.document.layers import effective
    from stagewright.runs.documents import layers

    gateway = session.gateway
    overlay = source.overlay(gateway.installation.environment)
    stored = layers.on_disk(gateway, source.pipeline, overlay)
    return effective(stored, gateway.allows_code_overrides).pipeline


def push(
    session: Session,
    source: Source,
    parameters: Mapping[str, Scalar] | None = None,
    force: bool = False,
    selection: Selection | None = None,
    resumes: str = "",
    date: str = "",
) -> Pushed:
    """Sample data to a local target, then the release. Its manifest, if anything changed, starts a run."""
    from stagewright.planner.selection import ALL
    from stagewright.runs.releases import push as release

    require_space(session)
    upload_samples(session, source)
    commit = commit_of(source.path.parent)
    overlay = source.overlay(session.gateway.installation.environment)
    return release.push(
        session.gateway, source.pipeline, source.files, commit, parameters,
        by=caller(session), force=force, overlay=overlay, selection=selection or ALL, resumes=resumes,
        date=date,
    )  # fmt: skip


def require_space(session: Session) -> None:
    if session.is_local:
        from stagewright.cli.common.target import state_folder
        from stagewright.local.state import State

        State(state_folder()).require_space()


def start(
    session: Session,
    source: Source,
    parameters: Mapping[str, Scalar],
    force: bool,
    selection: Selection | None = None,
    date: str = "",
) -> str:
    """The id of the one run that this starts."""
    from stagewright.planner.selection import ALL
    from stagewright.runs import own_events

    pushed = push(session, source, parameters, force, selection, date=date)
    note_pushed(source, pushed)
    key = pushed.trigger_key or own_events.request_run(
        session.gateway, source.pipeline.name, parameters, caller(session), force=force,
        selection=selection or ALL, date=date,
    )  # fmt: skip
    run = await_run(session, key)
    if session.is_local:
        note_builds(session, effective(session, source), run)
    return run


def note_pushed(source: Source, pushed: Pushed) -> None:
    if pushed.uploaded or pushed.removed or pushed.trigger_key:
        output.note(f"pushed {source.pipeline.name}: {changes(pushed)}")


def await_run(session: Session, key: str) -> str:
    """`wait_for_run`, for somebody who may lose patience."""
    try:
        return wait_for_run(session.gateway, key)
    except KeyboardInterrupt:
        if not session.own:
            output.note("the run may start nevertheless: see stagewright runs, then stagewright stop RUN")
        raise


def note_builds(session: Session, pipeline: Pipeline, run: str) -> None:
    """Says what the first job of an image waits for, so that nobody takes it for hanging."""
    from sagemaker_local.images.environments import Environments
    from stagewright.cli.common.target import state_folder
    from stagewright.runs.history import run_history
    from stagewright.runs.history.live_status import JOB_KINDS

    environments = Environments(state_folder() / "local.toml")
    images = {
        name: image_of(pipeline, stage) for name, stage in pipeline.stages.items() if stage.kind in JOB_KINDS
    }
    missing = {name: alias for name, image in images.items() if (alias := environments.unbuilt(image))}
    if not missing:
        return
    running = [stage.name for stage in run_history.show(session.gateway, run).stages if stage.action == "run"]
    for alias in dict.fromkeys(missing[name] for name in running if name in missing):
        output.note(f"building the Python environment of {alias} (once, about 10 s)")


def image_of(pipeline: Pipeline, stage: AnyStage) -> str:
    """The stage's own, or that of the stage whose model it serves, or the document's."""
    from stagewright.syntax.references import sole_reference

    if own := getattr(stage, "image", None):
        return str(own)
    served = sole_reference(getattr(stage, "model", None) or "")
    if served and served.stage:
        return image_of(pipeline, pipeline.stages[served.stage])
    return pipeline.defaults.image or ""


def changes(pushed: Pushed) -> str:
    counts = {"uploaded": len(pushed.uploaded), "removed": len(pushed.removed)}
    told = [f"{output.counted(count, 'code file')} {done}" for done, count in counts.items() if count]
    return ", ".join(told) or "the document changed"


def wait_for_run(gateway: OperatorGateway, trigger_key: str) -> str:
    """The run that an event starts, once it is planned or has to wait.

    TargetError when none has come after `PATIENCE` seconds.
    """
    from stagewright.runs.history import run_history

    run = None
    for _ in pauses(PATIENCE):
        run = run or run_history.find_run(gateway, trigger_key)
        if run and run_history.is_planned_or_waits(gateway, run):
            return run
    raise TargetError(
        f"the event {trigger_key} has not become a run in {PATIENCE:.0f} s",
        "see the router's log: its group is " + f"/aws/lambda/{gateway.installation.name('router')}",
    )


def pauses(limit: float | None = None, longest: float = 0.25) -> Iterator[float]:
    """Sleeps between its steps, a twentieth of the time gone by; ends after `limit` seconds. Yields those."""
    began = time.monotonic()
    while (gone := time.monotonic() - began) < (limit or float("inf")):
        yield gone
        time.sleep(min(max(gone / 20, SHORTEST), longest))


def upload_samples(session: Session, source: Source, *, starting: bool = True) -> tuple[str, ...]:
    """Puts the sample data into a local target, where it is not there yet. The keys that were put. Without
    `starting` not what one of the document's data triggers waits for."""
    if not session.is_local:
        return ()
    put = [
        key
        for prefix, place in source.pipeline.sample_data.items()
        for key, file in _samples(source.path.parent / place, prefix)
        if (starting or not _starts(source.pipeline, key)) and _upload(session.gateway, key, file)
    ]
    if put:
        output.note(f"uploaded sample data: {', '.join(put)}")
    put_functions(source)
    return tuple(put)


def _starts(pipeline: Pipeline, key: str) -> bool:
    from stagewright.document.triggers import DataTrigger
    from stagewright.runs.triggers.data import wants

    return any(isinstance(each, DataTrigger) and wants(each, key) for each in pipeline.triggers)


def put_functions(source: Source) -> None:
    """Puts the sample functions into the local target."""
    from stagewright.cli.common.target import state_folder
    from stagewright.local import sample_functions, server

    wanted = getattr(source.pipeline, "sample_functions", {})
    running = server.find(state_folder()) if wanted else None
    if running is not None:
        put = sample_functions.put(running, source.path.parent, wanted)
        if put:
            output.note(f"put sample functions: {', '.join(put)}")


def _samples(place: Path, prefix: str) -> list[tuple[str, Path]]:
    if not place.exists():
        raise ReleaseError(
            f"sample_data.{prefix}: {place} does not exist", "mend the path; it is relative to the document"
        )
    if place.is_file():
        return [(f"{prefix.rstrip('/')}/{place.name}", place)]
    files = sorted(file for file in place.rglob("*") if file.is_file() and not file.name.startswith("."))
    return [(f"{prefix.rstrip('/')}/{file.relative_to(place).as_posix()}", file) for file in files]


def _upload(gateway: OperatorGateway, key: str, file: Path) -> bool:
    body = file.read_bytes()
    etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
    stored = next((found for found in gateway.objects.list(key, limit=1) if found.key == key), None)
    if stored and stored.etag.strip('"') == etag:
        return False
    gateway.objects.put(key, body)
    return True


def commit_of(folder: Path) -> str:
    """The Git commit that `folder` is at, `-dirty` where it is not clean; empty outside of Git."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def caller(session: Session) -> str:
    """Who acts: on AWS as AWS knows it, on this machine the user."""
    return user() if session.is_local else session.gateway.caller.arn()


def user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
