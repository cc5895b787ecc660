"""."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stagewright.stages.base import limits
from stagewright.stages.base.rules import RESERVED, _code, _needs, _outputs
from stagewright.stages.processing.schema import Processing
from stagewright.syntax.findings import Finding, Path

if TYPE_CHECKING:
    from stagewright.document.pipeline import Pipeline


def _processing(stage: Processing, pipeline: Pipeline, path: Path) -> Iterator[Finding]:
    yield from _needs(stage, pipeline.defaults, path, "image", "instance_type")
    if not stage.code and not stage.entrypoint:
        yield Finding(path, "nothing to run", "give code (a script) or entrypoint (the container's command)")
    if stage.code and stage.entrypoint:
        yield Finding((*path, "entrypoint"), "both code and entrypoint", "keep the one that is to run")
    if stage.code and not stage.code.endswith((".py", ".sh")):
        yield Finding(
            (*path, "code"), f"{stage.code!r} is neither .py nor .sh", "use entrypoint for anything else"
        )
    yield from _code(stage.code, stage.include, (*path, "code"))
    for field in ("inputs", "outputs"):
        if RESERVED in getattr(stage, field):
            place = (*path, field, RESERVED) if field == "inputs" else (*path, field)
            yield Finding(
                place, f'"{RESERVED}" is reserved for the stage\'s own script', "choose another name"
            )
    yield from _outputs(stage, path)
    own = 1 if stage.code else 0
    what = "inputs (the script is one of ten)" if own else "inputs"
    yield from limits.at_most(limits.INPUTS - own, stage.inputs, (*path, "inputs"), what)
    yield from limits.at_most(limits.OUTPUTS, stage.outputs, (*path, "outputs"), "outputs")
    yield from limits.arguments(stage.arguments, (*path, "arguments"))
    yield from limits.arguments(stage.entrypoint, (*path, "entrypoint"))
