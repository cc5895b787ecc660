"""The hyperparameters of a script: its arguments with their defaults, and why an argument is none."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stagewright.errors import DocumentError, Problem
from stagewright.scaffold.project import Project
from stagewright.syntax.findings import nearest
from stagewright.syntax.scripts.arguments import Argument
from stagewright.syntax.scripts.source import UNKNOWN

CONTAINER = "/opt/ml"


@dataclass(frozen=True)
class Hyperparameters:
    """`values` by name. `left_out`: arguments that stay at the script's own default, with the reason."""

    values: Mapping[str, Any]
    left_out: Mapping[str, str]


def read_hyperparameters(project: Project, chosen: Mapping[str, str]) -> Hyperparameters:
    """The hyperparameters of a script. `chosen`: what the user sets, as text.

    DocumentError: the script requires an argument without a value, or does not know a chosen one.
    """
    texts, known = dict(chosen), {one.hyperparameter: one for one in project.arguments.known}
    values: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for argument in project.arguments.known:
        name = argument.hyperparameter
        if name in texts:
            values[name] = typed(texts.pop(name), argument)
        elif reason := _reason(argument, project):
            left_out[name or argument.name] = reason
        elif not _is_container(argument) and not argument.is_required:
            values[name] = argument.default
    for name, default in project.use.hyperparameters.items():
        if name in texts or default not in (UNKNOWN, None):
            values.setdefault(name, texts.pop(name, default))
    if problems := [*_required(project, values), *_unknown(project, known, texts)]:
        raise DocumentError(tuple(problems))
    return Hyperparameters(values | texts, left_out)


def typed(text: str, argument: Argument) -> Any:
    """The value of a text, by the type of the argument or of its default."""
    kind = argument.type or type(argument.default).__name__
    for name, convert in (("int", int), ("float", float)):
        if kind == name:
            try:
                return convert(text)
            except ValueError:
                message = f"{text!r} is not a number, and {argument.options[-1]} takes one"
                where = f"--hyperparameter {argument.hyperparameter}"
                raise DocumentError((Problem(where, message, "give a number"),)) from None
    return text


def _reason(argument: Argument, project: Project) -> str:
    """Why an argument is no hyperparameter. Empty: it is one, a required one, or one of the container."""
    if _is_container(argument) or argument.is_required:
        return ""
    return _form_reason(argument) or _default_reason(argument, project)


def _form_reason(argument: Argument) -> str:
    if argument.is_flag:
        return "a flag, and SageMaker passes a value with each name"
    if argument.is_list:
        return "a list, and SageMaker passes one value"
    if not argument.hyperparameter:
        return "SageMaker passes --name for a long name, and -n for one letter"
    return "type=bool takes every text as true" if argument.type == "bool" else ""


def _default_reason(argument: Argument, project: Project) -> str:
    default = argument.default
    if default is UNKNOWN:
        return "the script computes its default"
    if default in (None, ""):
        return "no default"
    if isinstance(default, str):
        if default in project.files.data or "${" in default:
            return f"the script's {default}"
        return "" if _as_passed(default) == default else f"SageMaker would pass {_as_passed(default)}"
    if not argument.type:
        return "it has no type, so the script would receive a text"
    is_number = isinstance(default, int | float) and math.isfinite(default)
    return "" if is_number else f"{default!r} is not one value"


def _as_passed(text: str) -> str:
    """The argument that a script receives for a text. The container reads it as JSON first.

    Source: sagemaker-training, mapping.decode and mapping.to_cmd_args.
    """
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, dict):
        return ",".join(f"{name}={item}" for name, item in sorted(value.items()))
    return "" if value is None else str(value)


def _is_container(argument: Argument) -> bool:
    """Whether the container sets the argument: by a variable, or as a folder of its own."""
    default = argument.default
    return argument.variable.startswith("SM_") or (isinstance(default, str) and default.startswith(CONTAINER))


def _required(project: Project, values: Mapping[str, Any]) -> Iterator[Problem]:
    for argument in missing_arguments(project, values):
        where = f"a job has its data in {CONTAINER}/input/data/train and keeps {CONTAINER}/model"
        remedy = f"--hyperparameter {argument.hyperparameter}=VALUE; {where}"
        message = f"requires {argument.options[-1]}"
        yield Problem("", message, remedy, str(project.script), argument.line)


def missing_arguments(project: Project, values: Iterable[str]) -> list[Argument]:
    """The required arguments that have no value."""
    known = project.arguments.known
    return [one for one in known if one.is_required and one.hyperparameter not in values]


def _unknown(project: Project, known: Mapping[str, Argument], texts: Mapping[str, str]) -> Iterator[Problem]:
    """What the user sets and the script does not take."""
    arguments = project.arguments
    if arguments.accepts_others or arguments.unread:
        return
    for name in texts:
        remedy = nearest(name, [*known, *project.use.hyperparameters], "its arguments") or "it takes none"
        yield Problem(f"--hyperparameter {name}", f"{project.script} takes no --{name}", remedy)
