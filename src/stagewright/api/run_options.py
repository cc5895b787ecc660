"""Plan or start a run with the options that a person chose."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from stagewright.api import documents, local_images, notes, overlays
from stagewright.api.target import LOCAL, environment_of, existing_session, is_empty, target_label
from stagewright.errors import NotFoundError, StagewrightError

if TYPE_CHECKING:
    from stagewright.api.source import Source
    from stagewright.api.target import Session
    from stagewright.document.layers import Effective
    from stagewright.document.pipeline import Pipeline
    from stagewright.operator_gateway import OperatorGateway
    from stagewright.planner.model import Plan
    from stagewright.planner.release import Release
    from stagewright.planner.selection import Selection
    from stagewright.syntax.fields import Scalar


@dataclass(frozen=True)
class RunOptions:
    """The options of `plan` and `run`.

    Fields:
        parameters: Name -> value, or texts `name=value` of the command line.
        date: The value of `${trigger.date}`. None: today.
        force: Every enabled stage runs, even if its inputs are unchanged.
        only, start, skip, bypass: Names of stages, one or more (`a,b`) in each text.
        reason: Why `bypass` is needed.
    """

    parameters: Mapping[str, Scalar] | Sequence[str] = ()
    date: str | None = None
    force: bool = False
    only: Sequence[str] = ()
    start: Sequence[str] = ()
    skip: Sequence[str] = ()
    bypass: Sequence[str] = ()
    reason: str = ""

    @property
    def day(self) -> str:
        """The date, empty for today. DocumentError: it is no date."""
        return documents.parse_date(self.date)

    def values(self, pipeline: Pipeline) -> dict[str, Scalar]:
        """The parameters, checked against the declared ones. DocumentError lists every invalid one."""
        if isinstance(self.parameters, Mapping):
            return documents.checked_parameters(pipeline, self.parameters)
        return documents.parse_parameters(pipeline, self.parameters)

    def selection(self, pipeline: Pipeline) -> Selection:
        """The selected stages. PlanError: a stage does not exist or is disabled."""
        return documents.parse_selection(pipeline, self.only, self.start, self.skip, self.bypass, self.reason)


def read(argument: str, options: RunOptions, target: str) -> tuple[Source, dict[str, Scalar]]:
    """Read the document that `argument` names and the values of its parameters. Contacts no target if
    there is such a document."""
    from stagewright.api.source import Source
    from stagewright.document.parameters import with_parameters

    options.day  # noqa: B018 -- a wrong date is reported before anything is contacted
    source = Source.read(_path_of(argument, target))
    overlays.warn(source.path)
    pipeline = source.in_environment(environment_of(target))
    parameters = options.values(pipeline)
    warn_of_code(source, with_parameters(pipeline, parameters))
    return source, parameters


def read_source(argument: str, target: str) -> Source:
    """Read the document that `argument` names, to push it. Contacts no target."""
    from stagewright.api.source import Source

    source = Source.read(documents.path_of(argument))
    overlays.warn(source.path)
    warn_of_code(source, source.in_environment(environment_of(target)))
    return source


def _path_of(argument: str, target: str) -> Path:
    """The document that `argument` names. NotFoundError: also if only the target has such a pipeline."""
    try:
        return documents.path_of(argument)
    except NotFoundError as error:
        raise _pushed_only(argument, target) or error from None


def _pushed_only(name: str, target: str) -> NotFoundError | None:
    """The error for a pipeline that is pushed and whose document is not on this disk. None: it is not
    pushed, or the target does not answer."""
    from stagewright.runs.releases import manifest as manifests

    if is_empty(target) or not re.fullmatch(r"[a-z0-9-]+", name):
        return None
    with suppress(StagewrightError), existing_session(target) as connected:
        manifest = manifests.read(connected.gateway, name)
        if manifest:
            release = manifest.release.digest[:12]
            option = "" if target == LOCAL else f" --target {target}"
            return NotFoundError(
                f"{name} is pushed to {target_label(target)}, but its document is not on this disk",
                f"stagewright run {name} --release {release}{option} runs what is pushed;"
                f" stagewright config show {name}{option} prints its document",
            )
    return None


def warn_of_code(source: Source, pipeline: Pipeline) -> None:
    """Report the warnings about the code. DocumentError: a job surely fails."""
    for problem in source.check(pipeline):
        notes.warn(str(problem))


def plan(session: Session, source: Source, parameters: Mapping[str, Scalar], options: RunOptions) -> Plan:
    """Plan of the run that these options start now. Uploads sample data to the local target."""
    from stagewright.api.planning import manual_trigger, plan_run, release_of
    from stagewright.api.sample_data import upload_samples
    from stagewright.planner.quotas import exceeded

    document, selection = _selected(session, source, options)
    upload_samples(session, source)
    trigger = manual_trigger(parameters, selection, options.day)
    planned = plan_run(session, release_of(source), document, trigger, options.force, source.path.parent)
    quotas = {} if session.is_local else session.gateway.quotas.applied()
    return replace(planned, warnings=(*planned.warnings, *exceeded(planned, quotas)))


def start(session: Session, source: Source, parameters: Mapping[str, Scalar], options: RunOptions) -> str:
    """Push the document, start one run and return its id."""
    from stagewright.api import launch

    _, selection = _selected(session, source, options)
    return launch.start(session, source, parameters, options.force, selection, options.day)


def start_release(session: Session, name: str, release: str, options: RunOptions) -> str:
    """Start a run of an earlier release, with the document that was pushed with it. Returns the run's id.

    `release`: the first digits of its digest, or the version id of its manifest.
    """
    from stagewright.api import launch
    from stagewright.document.layers import effective
    from stagewright.runs.releases import pushes, released_layers
    from stagewright.runs.requests import request_run

    gateway = session.gateway
    manifest = pushes.find_release(gateway, name, release)
    pipeline = effective(released_layers.read(gateway, manifest), gateway.allows_code_overrides).pipeline
    key = request_run(
        gateway, name, options.values(pipeline), launch.caller(session), force=options.force,
        selection=options.selection(pipeline), date=options.day, version=manifest.version,
    )  # fmt: skip
    return launch.wait_or_note(session, key)


def _selected(session: Session, source: Source, options: RunOptions) -> tuple[Effective, Selection]:
    """The effective document in the target, and the stages that the options select."""
    from stagewright.api.source import effective

    document = effective(session, source)
    local_images.warn(session, document.pipeline)
    return document, options.selection(document.pipeline)


def pushed(gateway: OperatorGateway, name: str) -> tuple[Effective, Release]:
    """Effective document and release of the last push.

    NotFoundError: the target has no such pipeline. ReleaseError: its stored document was not pushed.
    """
    from stagewright.document.layers import effective
    from stagewright.runs.releases import released_layers

    manifest, stored = released_layers.read_current(gateway, name)
    return effective(stored, gateway.allows_code_overrides), manifest.release
