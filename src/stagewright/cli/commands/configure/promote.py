"""Copies one release, with its files and document, from one environment to the next. If PIPELINE is a
document or folder, environments/<environment>.yaml next to the document becomes the overlay of the next
environment. If PIPELINE is a name, that environment keeps its overlay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagewright.api import documents
from stagewright.api.target import existing_session, session
from stagewright.cli.common import changes, output
from stagewright.cli.common.options import Json, PipelineName

if TYPE_CHECKING:
    from stagewright.api.target import Session
    from stagewright.document.pipeline import Pipeline
    from stagewright.runs.releases.promotion import Promotion
    from stagewright.runs.releases.push import PushResult


def command(
    pipeline: PipelineName,
    source: Annotated[str, typer.Option("--from", metavar="TARGET", help="Target of the successful run.")],
    target: Annotated[str, typer.Option("--to", metavar="TARGET", help="Target to promote to.")],
    release: Annotated[
        str, typer.Option("--release", metavar="DIGEST", help="A release other than the last push.")
    ] = "",
    untested: Annotated[
        bool, typer.Option("--untested", help="Accept a release without a successful run. This is recorded.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and write nothing.")] = False,
    as_json: Json = False,
) -> None:
    from stagewright.api import launch
    from stagewright.runs.releases import promotion

    with existing_session(source) as before, session(target, runs=not dry_run) as after:
        candidate = promotion.find_candidate(
            before.gateway, documents.name_of(pipeline), release, untested=untested
        )
        overlay = overlay_for(pipeline, candidate.pipeline, after)
        prepared = promotion.prepare(before.gateway, after.gateway, candidate, overlay)
        pushed = None if dry_run else promotion.execute(after.gateway, prepared, launch.caller(after))
        key = pushed.trigger_key if pushed else None
        run = launch.wait_for_run(after.gateway, key) if key else None
        if as_json:
            output.print_json(as_dict(prepared, pushed, run))
        else:
            report(prepared, pushed, run, source, target)


def overlay_for(argument: str, pipeline: Pipeline, after: Session) -> Mapping[str, Any] | None:
    from stagewright.api.source import Source

    path = documents.find(argument)
    return Source(path, pipeline, {}).overlay(after.gateway.installation.environment) if path else None


def as_dict(prepared: Promotion, pushed: PushResult | None, run: str | None) -> dict[str, Any]:
    candidate = prepared.candidate
    return {
        "pipeline": candidate.pipeline.name,
        "release": candidate.release.digest,
        "commit": candidate.release.commit,
        "promoted": candidate.lineage,
        "changes": changes.plain(prepared.changes),
        "uploaded": pushed.uploaded if pushed else (),
        "removed": pushed.removed if pushed else (),
        "run": run,
    }


def report(prepared: Promotion, pushed: PushResult | None, run: str | None, source: str, target: str) -> None:
    candidate = prepared.candidate
    lineage = candidate.lineage
    evidence = f"succeeded in {lineage['run']}" if "run" in lineage else "has no successful run"
    output.print_line(
        f"{candidate.pipeline.name} {candidate.release.digest[:12]} from {lineage['from']}: {evidence}"
    )
    if candidate.overridden:
        difference = f"stagewright diff {candidate.pipeline.name} --target {source}"
        output.note(f"that run had overrides, which stay in {lineage['from']}; see {difference}")
    for line in changes.lines(prepared.changes):
        output.print_line(f"  {line}")
    if pushed is None:
        output.print_line(f"{output.counted(len(prepared.files), 'code file')} checked; nothing was written")
    elif run:
        output.print_line(f"{target}: run {run}")
    else:
        output.print_line(
            f"{target}: no run starts; the release was already there, or its document has no code trigger"
        )
