"""One release, by its digest, from one environment to the next: the same files and the same document, with
the overlay of the environment that it goes to. Where PIPELINE is a place, environments/<environment>.yaml
beside it is that overlay; where it is a name, the overlay that is there stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stagewright.cli.common import changes, documents, output
from stagewright.cli.common.options import Json, PipelineName
from stagewright.cli.common.target import existing_session, session

if TYPE_CHECKING:
    from stagewright.cli.common.target import Session
    from stagewright.document.pipeline import Pipeline
    from stagewright.runs.releases.promotion import Promotion
    from stagewright.runs.releases.push import Pushed


def command(
    place: PipelineName,
    source: Annotated[str, typer.Option("--from", metavar="TARGET", help="Where the release ran well.")],
    target: Annotated[str, typer.Option("--to", metavar="TARGET", help="Where it is to run.")],
    release: Annotated[
        str, typer.Option("--release", metavar="DIGEST", help="Another release than the one pushed last.")
    ] = "",
    untested: Annotated[
        bool, typer.Option("--untested", help="Also a release that has not run well there; this is recorded.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, and write nothing.")] = False,
    as_json: Json = False,
) -> None:
    from stagewright.cli.common import launch
    from stagewright.runs.releases import promotion

    with existing_session(source) as before, session(target, runs=not dry_run) as after:
        candidate = promotion.find(before.gateway, documents.name_of(place), release, untested=untested)
        overlay = overlay_for(place, candidate.pipeline, after)
        prepared = promotion.prepare(before.gateway, after.gateway, candidate, overlay)
        pushed = None if dry_run else promotion.carry_out(after.gateway, prepared, launch.caller(after))
        key = pushed.trigger_key if pushed else None
        run = launch.wait_for_run(after.gateway, key) if key else None
        if as_json:
            output.print_json(told(prepared, pushed, run))
        else:
            report(prepared, pushed, run, target)


def overlay_for(place: str, pipeline: Pipeline, after: Session) -> Mapping[str, Any] | None:
    from stagewright.cli.common.source import Source

    path = documents.find(place)
    return Source(path, pipeline, {}).overlay(after.gateway.installation.environment) if path else None


def told(prepared: Promotion, pushed: Pushed | None, run: str | None) -> dict[str, Any]:
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


def report(prepared: Promotion, pushed: Pushed | None, run: str | None, target: str) -> None:
    candidate = prepared.candidate
    lineage = candidate.lineage
    seen = f"it ran well in {lineage['run']}" if "run" in lineage else "nobody has seen it run well"
    output.print_line(
        f"{candidate.pipeline.name} {candidate.release.digest[:12]} from {lineage['from']}: {seen}"
    )
    if candidate.overridden:
        output.note(f"that run had overrides, which stay in {lineage['from']}: see stagewright diff")
    for line in changes.lines(prepared.changes):
        output.print_line(f"  {line}")
    if pushed is None:
        output.print_line(f"{output.counted(len(prepared.files), 'code file')} checked; nothing was written")
    elif run:
        output.print_line(f"{target}: run {run}")
    else:
        output.print_line(
            f"{target}: nothing runs now: it was there already, or its document has no code trigger"
        )
