"""Checks of references, and of the values of fields that accept them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from stagewright.document.code_choices import code_findings
from stagewright.document.list_checks import REVIEWED, across_lists, unreviewed_items
from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_sites import ReferenceSite, reference_sites
from stagewright.document.reference_values import EACH, InvalidReference, meaning
from stagewright.stages.base import limits
from stagewright.stages.registry import AnyStage
from stagewright.syntax.condition import (
    ORDERING,
    Comparison,
    Operand,
    Term,
    Value,
    comparisons,
    operands,
    parse,
)
from stagewright.syntax.fields import ANY, Accepts
from stagewright.syntax.findings import Finding, quoted
from stagewright.syntax.references import (
    Meaning,
    Reference,
    find_references,
    render,
    sole_reference,
    unclosed,
)

WORDS = {
    "text": "a text",
    "number": "a number",
    "flag": "true or false",
    "uri": "an S3 URI",
    "package": "a model package",
    "model": "a SageMaker model",
}
_S3_URI = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/(?!/)(?:(?!://).)*)?")
_PACKAGE = re.compile(r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:\d{12}:model-package/[A-Za-z0-9-]+(/\d{1,9})?")
_MODEL = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}")
"""botocore's model, ModelName."""
PARTITION = re.compile(r"[^\s#]{1,128}")
PARTITION_FORM = "use 1 to 128 characters, without spaces and #"


def reference_findings(pipeline: Pipeline, set_aside: Set[str] = frozenset()) -> Iterator[Finding]:
    """Yield every problem with references, and with the format of the fields that accept them.

    `set_aside`: stages that are invalid or missing. References to them are not checked.
    """
    for site in reference_sites(pipeline):
        if site.field == "description":
            continue
        if "${" in site.text:
            findings = list(_references(pipeline, site, set_aside)) or list(code_findings(pipeline, site))
            yield from findings
            references = find_references(site.text)
            if findings or any(_is_unknown(site, reference, set_aside) for reference in references):
                continue
        yield from _format(pipeline, site)


def _references(pipeline: Pipeline, site: ReferenceSite, set_aside: Set[str]) -> Iterator[Finding]:
    if unclosed(site.text):
        yield Finding(site.path, "${ has no closing }", "close it, or write $${ for a literal ${")
    if site.accepts is None:
        if find_references(site.text):
            yield Finding(site.path, f"{site.field} accepts no references", "write the value itself")
        return
    for reference in find_references(site.text):
        if not _is_unknown(site, reference, set_aside):
            yield from _reference(pipeline, site, site.accepts, reference)


def _is_unknown(site: ReferenceSite, reference: Reference, set_aside: Set[str]) -> bool:
    """The champion belongs to the document's register stage, which may be set aside. So may the stage of the
    text be, and then its list is not known."""
    if reference.path[0] == EACH:
        return site.stage in set_aside
    return reference.stage in set_aside or (reference.of_champion and bool(set_aside))


def _reference(
    pipeline: Pipeline, site: ReferenceSite, accepts: Accepts, reference: Reference
) -> Iterator[Finding]:
    known = meaning(pipeline, reference, site.stage)
    if isinstance(known, InvalidReference):
        yield Finding(site.path, known.message, known.remedy)
    elif findings := list(across_lists(pipeline, site, reference)):
        yield from findings
    elif site.field == "require" and unreviewed_items(pipeline, site, reference):
        message = f"{reference.text}: a person who starts a run could open the gate with it"
        yield Finding(site.path, message, REVIEWED)
    elif site.stage and reference.stage == site.stage:
        yield Finding(
            site.path, f"{reference.text}: a stage cannot refer to itself", "refer to another stage"
        )
    elif reference.of_champion and site.field != "require":
        yield Finding(site.path, f"{reference.text} can be used only in a gate's require", "compare it there")
    elif accepts.roots and reference.path[0] not in accepts.roots:
        allowed = ", ".join(accepts.roots)
        yield Finding(
            site.path, f"{reference.text} cannot be used in {site.field}", f"it may begin with: {allowed}"
        )
    elif accepts.known == "plan" and known.known == "run":
        remedy = "use a parameter or an output"
        yield Finding(
            site.path, f"{reference.text} is known only during the run, but {site.field} before it", remedy
        )
    elif sole_reference(site.text):
        yield from _whole(site, accepts, reference, known)


def _whole(site: ReferenceSite, accepts: Accepts, reference: Reference, known: Meaning) -> Iterator[Finding]:
    if known.type not in accepts.types:
        expected = " or ".join(WORDS[type_] for type_ in accepts.types)
        yield Finding(
            site.path, f"{site.field} accepts {expected}, not {reference.text}, which is {WORDS[known.type]}"
        )
    elif accepts.as_text and known.known == "run" and known.type == "number" and site.field != "require":
        remedy = f'use it in a longer text, such as "value={reference.text}"'
        yield Finding(
            site.path,
            f"{reference.text} is a number known only during the run, but {site.field} accepts text",
            remedy,
        )


def _format(pipeline: Pipeline, site: ReferenceSite) -> Iterator[Finding]:
    """Check the format of a value, with a sample value for each reference."""
    stage = pipeline.stages[site.stage] if site.stage else None
    if stage and site.field == "require":
        yield from _condition(pipeline, site)
        return
    if site.accepts is None or (site.field == "outputs" and isinstance(site.path[-1], int)):
        return  # a list of outputs contains names; a mapping contains S3 URIs
    value = render(site.text, lambda reference: _sample(pipeline, reference, site.stage))
    field_path = site.path[2:] if site.stage else site.path[1:]
    if site.field == "partition":
        if not PARTITION.fullmatch(str(value)):
            yield Finding(site.path, f"{value!r} is not a partition", PARTITION_FORM)
    elif field_path == ("instance_type",):
        yield from limits.instance_type(str(value), site.path)
    elif field_path == ("image",):
        yield from limits.length(site.text, limits.IMAGE_LENGTH, site.path)
    elif site.accepts.types != ANY and "uri" in site.accepts.types:
        yield from _uri(site, site.accepts, str(value))
    elif site.accepts.types == ("number",):
        yield from _number(stage, site, value)


def _sample(pipeline: Pipeline, reference: Reference, stage: str | None) -> Any:
    known = meaning(pipeline, reference, stage)
    return known.sample if isinstance(known, Meaning) else reference.text


def _uri(site: ReferenceSite, accepts: Accepts, value: str) -> Iterator[Finding]:
    if "package" in accepts.types and _PACKAGE.fullmatch(value):
        return
    if "model" in accepts.types and _MODEL.fullmatch(value):
        return
    if not _S3_URI.fullmatch(value):
        shown = f"{site.text!r} (such as {value!r})" if "${" in site.text else repr(value)
        others = ", model package ARN" if "package" in accepts.types else ""
        others += " or name of a SageMaker model" if "model" in accepts.types else ""
        remedy = "s3://<bucket>/<key>, such as s3://${bucket}/raw/ or ${stages.<stage>.outputs.<output>}"
        yield Finding(site.path, f"{shown} is not an S3 URI{others}", remedy)
    elif "${" not in site.text:
        yield from limits.length(value, limits.URI_LENGTH, site.path)


@cache
def _adapter(stage: type[AnyStage], field: str) -> TypeAdapter[Any]:
    annotation: Any = stage.model_fields[field].annotation
    return TypeAdapter(annotation)


def _number(stage: AnyStage | None, site: ReferenceSite, value: Any) -> Iterator[Finding]:
    if stage is None or isinstance(value, str):
        return
    try:
        _adapter(type(stage), site.field).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]["msg"].removeprefix("Input should be ")
        yield Finding(
            site.path,
            f"{site.text} is {value}, but {site.field} must be {first}",
            "change the parameter",
        )


def _condition(pipeline: Pipeline, site: ReferenceSite) -> Iterator[Finding]:
    try:
        condition = parse(site.text)
    except ValueError as error:
        remedy = "such as ${stages.evaluate.metrics.r2} >= 0.88 and ${stages.evaluate.metrics.mae} < 20000"
        yield Finding(site.path, f"{quoted(site.text)}: {error}", remedy)
        return
    for comparison in comparisons(condition):
        yield from _comparable(pipeline, site, comparison)


def _comparable(pipeline: Pipeline, site: ReferenceSite, comparison: Comparison) -> Iterator[Finding]:
    sides = (comparison.left, comparison.right)
    if finding := next((finding for side in sides for finding in _operands(pipeline, site, side)), None):
        yield finding
        return
    left, right = (
        _type_of(pipeline, site, side.operand) if isinstance(side, Value) else "number" for side in sides
    )
    if (left == "number") != (right == "number"):
        message = f"{comparison.text} compares {WORDS[left]} with {WORDS[right]}"
        yield Finding(site.path, message, "compare values of the same type")
    elif left != "number" and comparison.op in ORDERING:
        yield Finding(site.path, f"{comparison.text} orders texts", "compare texts with == or !=")


def _operands(pipeline: Pipeline, site: ReferenceSite, term: Term) -> Iterator[Finding]:
    """Yield booleans, which cannot be compared, and operands of arithmetic that are not numbers."""
    for operand in operands(term):
        kind = _type_of(pipeline, site, operand)
        shown = operand.text if isinstance(operand, Reference) else repr(operand)
        if kind == "flag":
            message = f"{shown} is true or false, but gates compare numbers or texts"
            yield Finding(site.path, message, "use enabled")
        elif kind != "number" and not isinstance(term, Value):
            yield Finding(
                site.path, f"{term.text} computes with {shown}, which is {WORDS[kind]}", "use numbers"
            )


def _type_of(pipeline: Pipeline, site: ReferenceSite, operand: Operand) -> str:
    if not isinstance(operand, Reference):
        return "text" if isinstance(operand, str) else "number"
    known = meaning(pipeline, operand, site.stage)
    return known.type if isinstance(known, Meaning) else "text"
