"""Conversion of an input file of mlops-stepfunctions (awslabs/aiops-modules on GitHub, commit dfd7f15).

The file has a section for each state of one linear state machine: `run`, and the `input` of a SageMaker
request. Its Lambda function replaces SFN_EXECUTION_ID by the name of the execution, and its deployment
replaces the other placeholders.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stagewright.errors import DocumentError, Problem
from stagewright.migration.code_files import CodeFiles
from stagewright.migration.converted import ConvertedPipeline, Note, Stage
from stagewright.migration.requests.processing import processing
from stagewright.migration.requests.request import Findings, Request
from stagewright.migration.requests.serving import model, transform
from stagewright.migration.requests.training import training
from stagewright.migration.shapes import shape_problems
from stagewright.syntax.references import escape

SECTIONS: Mapping[str, tuple[str, Callable[[Request], Stage]]] = {
    "preprocessing": ("preprocessing", processing),
    "training": ("training", training),
    "evaluation": ("evaluation", processing),
    "CreateModel": ("model", model),
    "batchTransform": ("transform", transform),
}
"""Section -> stage and conversion, in the order of the state machine."""
KEYS = ("app_id", "model_id", "job_prefix")
EXECUTION = "SFN_EXECUTION_ID"
PLACEHOLDERS = {"MLOPS_BUCKET": "${bucket}", "AWS_REGION_NAME": "${region}", "MODEL_NAME": "${pipeline}"}
IMAGE, DEFAULT_IMAGE = "IMAGE_URI", "sklearn-1.2-1"
"""The image of the module's README."""


def is_input(data: Any) -> bool:
    """Whether parsed YAML is an input file: it has a model_id, and a section with `run`."""
    sections = data.keys() & SECTIONS.keys() if isinstance(data, dict) and "model_id" in data else ()
    return any(isinstance(data[name], dict) and "run" in data[name] for name in sections)


def convert(data: Mapping[str, Any], code: CodeFiles, name: str = "") -> ConvertedPipeline:
    """Convert an input file. DocumentError lists everything that is missing or that no stage can express."""
    findings = Findings(problems=list(shape_problems(data)))
    if findings.problems:
        raise DocumentError(tuple(findings.problems))
    stages: dict[str, Stage] = {}
    known = _locations(data)
    for section, inputs in _sections(data, findings):
        stage, converter = SECTIONS[section]
        request = Request(stage, section, _with_references(inputs, known), code, findings, {})
        if section == "batchTransform":
            request.data["ModelName"] = "${stages.model.name}"
        before = [other for other, fields in stages.items() if fields.get("enabled", True)][-1:]
        is_on = {} if data[section].get("run") is True else {"enabled": False}
        stages[stage] = {**converter(request), **is_on, **({"after": before} if before else {})}
    if problems := (*findings.problems, *findings.missing):
        raise DocumentError(problems)
    document = {
        "name": name or _name(data),
        "description": f"Converted from the input of mlops-stepfunctions, model {data['model_id']}.",
        "code": "code",
        "triggers": [{"type": "code"}],
        "stages": stages,
    }
    return ConvertedPipeline(document, code.files, tuple(dict.fromkeys((*findings.notes, *_notes(data)))))


def _sections(data: Mapping[str, Any], findings: Findings) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for section in SECTIONS:
        inputs = (data.get(section) or {}).get("input") if isinstance(data.get(section), dict) else None
        if isinstance(inputs, dict):
            yield section, inputs
        elif section in data:
            findings.problems.append(Problem(f"{section}.input", "must be a mapping", "correct it"))


def _notes(data: Mapping[str, Any]) -> Iterator[Note]:
    for key in data.keys() - {*SECTIONS, "model_id"}:
        reason = "names come from the run and stage" if key in KEYS else "the state machine does not read it"
        yield Note(key, f"{data[key]!r} dropped: {reason}")
    if IMAGE in str(data):
        yield Note(IMAGE, f"became {DEFAULT_IMAGE}, the image of the module's README", "set your own image")
    yield Note("schedule", "the cron rule is in the stack", "add a trigger of the type schedule")


def _locations(data: Mapping[str, Any]) -> dict[str, str]:
    """S3 URI that a section writes to -> reference to that output. The longest first."""
    known: dict[str, str] = {}
    for section in ("preprocessing", "evaluation"):
        config = ((data.get(section) or {}).get("input") or {}).get("ProcessingOutputConfig") or {}
        for item in config.get("Outputs") or []:
            uri = (item.get("S3Output") or {}).get("S3Uri", "")
            known[uri.rstrip("/")] = f"${{stages.{section}.outputs.{item.get('OutputName')}}}"
    output = ((data.get("training") or {}).get("input") or {}).get("OutputDataConfig") or {}
    if uri := str(output.get("S3OutputPath") or "").rstrip("/"):
        known[f"{uri}/{EXECUTION}/output/model.tar.gz"] = "${stages.training.model}"
    return dict(sorted(known.items(), key=lambda item: -len(item[0])))


def _with_references(value: Any, known: Mapping[str, str]) -> Any:
    match value:
        case dict():
            kept = {key: item for key, item in value.items() if item is not None}
            return {
                key: item if key == "ProcessingOutputConfig" else _with_references(item, known)
                for key, item in kept.items()
            }
        case list():
            return [_with_references(item, known) for item in value]
        case str():
            return _text(value, known)
    return value


def _text(text: str, known: Mapping[str, str]) -> str:
    for uri, reference in known.items():
        if uri and (text.rstrip("/") == uri or text.startswith(f"{uri}/")):
            return reference + _filled(text[len(uri) :].rstrip("/"))
    return DEFAULT_IMAGE if text == IMAGE else _filled(text)


def _filled(text: str) -> str:
    """The text with references in place of placeholders."""
    filled = escape(text).replace(EXECUTION, "${run.id}")
    for placeholder, reference in PLACEHOLDERS.items():
        filled = filled.replace(placeholder, reference)
    return filled


def _name(data: Mapping[str, Any]) -> str:
    model = str(data["model_id"])
    text = "mlops-demo" if model in PLACEHOLDERS else f"{data.get('job_prefix') or 'mlops'}-{model}"
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-").lstrip("0123456789-")[:40].rstrip("-")
