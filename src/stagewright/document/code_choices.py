"""Fields that choose the code that runs, and the references that they refuse.

A person who may start a run sets its parameters, and overrides set them for all runs. To choose code is
another permission (docs/security.md). A field that chooses code therefore takes a parameter only if the
document lists the parameter's `allowed_values`, and takes nothing that an event brings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from stagewright.document.list_checks import REVIEWED, unreviewed_items
from stagewright.document.overrides import GUARDED, TOOLKIT
from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_sites import ReferenceSite
from stagewright.document.reference_values import EACH, meaning
from stagewright.syntax.findings import Finding
from stagewright.syntax.references import Meaning, Reference, find_references, sole_reference

ALWAYS = frozenset({"entrypoint", "function", "image", "job", "model", "request"})
"""Fields that choose code with every value."""
ENVIRONMENT = re.compile(
    r"(?i)(BASH_|CLASSPATH$|CONDA|DYLD_|HF_|JAVA_|JDK_|LD_|MMS_|NODE_|NPM_|OPTION_|PATH$|PERL|PIP_|PYTHON"
    r"|R_(ENVIRON|HOME|LIBS|PROFILE)|RUBY|SAGEMAKER_|SPARK_|TRANSFORMERS_|TS_CONFIG|UV_)"
)
"""Variables from which loaders, interpreters, installers and the toolkits of AWS's images take code."""
GLUE_ARGUMENTS = re.compile(r"-*(additional|conf$|customer|datalake|extra|python[-_]modules|user[-_]jars)")
"""Arguments of Glue from which a job takes code ("AWS Glue job parameters", Glue developer guide)."""
INTERPRETER = re.compile(
    r"(bash|dash|env|exec|java|node|perl|python[0-9.]*|Rscript|ruby|sh|spark-submit|torchrun|xargs|zsh)"
)


def code_findings(pipeline: Pipeline, site: ReferenceSite) -> Iterator[Finding]:
    """Yield the references by which a parameter or an event would choose the code that runs."""
    why = _reason(pipeline, site)
    if not why:
        return
    for reference in find_references(site.text):
        if _is_open(pipeline, site, reference):
            message = f"{reference.text} cannot choose the code that runs: {why}"
            yield Finding(site.path, message, _remedy(reference))


def _reason(pipeline: Pipeline, site: ReferenceSite) -> str:
    """Return why the text chooses code, or "" if it does not."""
    field, *rest = site.path[2:] if site.stage else site.path[1:] or ("",)
    first = str(rest[0]) if rest else ""
    stage = pipeline.stages[site.stage] if site.stage else None
    match str(field):
        case field if field in ALWAYS:
            return GUARDED[field]
        case "environment" if ENVIRONMENT.match(first):
            return f"{first} decides which code runs"
        case "hyperparameters" if first.startswith(TOOLKIT):
            return "it selects what the SageMaker toolkits run"
        case "arguments" if _reads_code(stage, first):
            return GUARDED["arguments"]
        case "inputs" if _runs_input(stage, first):
            return "the entrypoint runs a file of this input"
    return ""


def _runs_input(stage: object, name: str) -> bool:
    """Return whether a word of the entrypoint names a file of this input."""
    item = getattr(stage, "named_inputs", {}).get(name)
    return item is not None and any(item.path in word for word in getattr(stage, "entrypoint", ()))


def _reads_code(stage: object, argument: str) -> bool:
    """Return whether a stage's arguments, or for Glue the named one, are code and not values for code.

    A command that ends with an option, such as `bash -c`, or with an interpreter runs its first argument.
    """
    kind, command = getattr(stage, "kind", ""), getattr(stage, "entrypoint", ())
    if kind == "glue":
        return bool(GLUE_ARGUMENTS.match(argument))
    last = command[-1] if command else ""
    return last.startswith("-") or bool(INTERPRETER.fullmatch(PurePosixPath(last).name))


def _is_open(pipeline: Pipeline, site: ReferenceSite, reference: Reference) -> bool:
    """Return whether a person or an event can set the referenced value to any text."""
    match reference.path:
        case ("each", *_):
            return unreviewed_items(pipeline, site, reference) and not _is_number(pipeline, site)
        case ("parameters", *name):
            return ".".join(name) not in pipeline.allowed_values and not _is_number(pipeline, site)
        case ("trigger", "package"):
            return site.path[-1] != "model"
        case ("trigger", word):
            return word != "type"
        case ("partition",):
            return any(_is_open(pipeline, site, part) for part in find_references(pipeline.partition))
    return False


def _is_number(pipeline: Pipeline, site: ReferenceSite) -> bool:
    """Return whether the text is one reference to a number or a boolean, which AWS takes for no name."""
    whole = sole_reference(site.text)
    known = meaning(pipeline, whole, site.stage) if whole else None
    return isinstance(known, Meaning) and known.type in ("number", "flag")


def _remedy(reference: Reference) -> str:
    if reference.path[0] == EACH:
        return REVIEWED
    if reference.path[0] != "parameters":
        return "write the value itself, or a parameter with allowed_values"
    name = ".".join(reference.path[1:])
    return f"list the values that the parameter may have: allowed_values: {{{name}: [...]}}"
