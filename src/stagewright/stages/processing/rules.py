"""Rules for processing stages."""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.stages.base import limits
from stagewright.stages.base.rules import RESERVED, RuleContext, code, measured, outputs, required
from stagewright.stages.processing.schema import INPUT, Processing
from stagewright.syntax.findings import Finding, Path


def rules(stage: Processing, context: RuleContext, path: Path) -> Iterator[Finding]:
    """Findings within a processing stage."""
    yield from required(stage, context.defaults, path, "image", "instance_type")
    yield from _command(stage, path)
    yield from code(stage.code, stage.include, (*path, "code"))
    yield from _reserved(stage, path)
    yield from _paths(stage, path)
    yield from outputs(stage.outputs, stage.metrics_file, path)
    yield from measured(stage, path)
    for name in stage.inputs:
        if name in stage.outputs:
            message = f"{name} is also an output, but AWS requires unique names of inputs and outputs"
            yield Finding((*path, "inputs", name), message, "choose another name")
    yield from _limits(stage, path)
    defaults, longest = context.defaults.environment, limits.PROCESSING_VARIABLE
    yield from limits.environment(stage.environment, defaults, longest, (*path, "environment"))


def _command(stage: Processing, path: Path) -> Iterator[Finding]:
    if not stage.code and not stage.entrypoint:
        yield Finding(path, "nothing to run", "set code (a script) or entrypoint (the container's command)")
    if stage.code and stage.entrypoint:
        yield Finding((*path, "entrypoint"), "both code and entrypoint", "keep one of them")
    if stage.code and not stage.code.endswith((".py", ".sh")):
        message = f"{stage.code!r} is neither .py nor .sh"
        yield Finding((*path, "code"), message, "use entrypoint for other commands")


def _reserved(stage: Processing, path: Path) -> Iterator[Finding]:
    message, remedy = f'"{RESERVED}" is reserved for the stage\'s script', "choose another name"
    if RESERVED in stage.inputs:
        yield Finding((*path, "inputs", RESERVED), message, remedy)
    if RESERVED in stage.outputs:
        yield Finding((*path, "outputs"), message, remedy)


def _paths(stage: Processing, path: Path) -> Iterator[Finding]:
    """Findings for folders of the container inside each other: one would hide or upload the other's files.

    Inputs may be inside an input: AWS's examples have one at /opt/ml/processing/input, with the code below.
    """
    own = {("code",): f"{INPUT}/{RESERVED}"} if stage.code else {}
    inputs = {("inputs", name): str(item.path) for name, item in stage.named_inputs.items()
              if name != RESERVED}  # fmt: skip
    outputs = {("outputs", name): str(item.path) for name, item in stage.named_outputs.items()}
    seen: dict[str, str] = {}
    for field, folder in (own | inputs | outputs).items():
        label = ".".join(field)
        for other, of in seen.items():
            outer = of if f"{folder}/".startswith(f"{other}/") else label
            inside = f"{folder}/".startswith(f"{other}/") or f"{other}/".startswith(f"{folder}/")
            holds_inputs = outer.startswith("inputs.") and field[0] != "outputs" and folder != other
            if inside and not holds_inputs:
                message = f"{folder} and {other} of {of} are one folder or inside each other"
                yield Finding((*path, *field), message, "choose another path")
        seen[folder] = label


def _limits(stage: Processing, path: Path) -> Iterator[Finding]:
    own = 1 if stage.code else 0
    what = "inputs (the script uses one of ten)" if own else "inputs"
    yield from limits.at_most(limits.INPUTS - own, stage.inputs, (*path, "inputs"), what)
    yield from limits.at_most(limits.OUTPUTS, stage.outputs, (*path, "outputs"), "outputs")
    yield from limits.arguments(stage.arguments, (*path, "arguments"))
    yield from limits.arguments(stage.entrypoint, (*path, "entrypoint"))
