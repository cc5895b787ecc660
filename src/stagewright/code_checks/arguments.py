"""Hyperparameters and arguments that a script's argparse rejects: the job fails when it has started."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from stagewright.code_checks.argument_parser import ArgumentsError, ScriptParser
from stagewright.code_checks.argument_source import script_parser
from stagewright.code_checks.stage_script import StageScript
from stagewright.errors import Problem
from stagewright.syntax.findings import nearest

OWN = "sagemaker_"
"""Hyperparameters with this prefix are settings of the toolkit. The script does not get them."""
UNRECOGNIZED = "unrecognized arguments"
"""How the message of argparse for unknown arguments begins."""
NO_VALUE = "a hyperparameter always has a value: use `type` and a text instead of `store_true`"


def warnings(script: StageScript) -> Iterator[Problem]:
    """Yield what the script's parser rejects. A parser that the source does not fully show accepts all."""
    parser = script_parser(script.modules) if script.is_python else None
    if parser and script.service == "processing":
        yield from _arguments(script, parser)
    elif parser and script.service in ("training", "tuning"):
        yield from _hyperparameters(script, parser)


def _arguments(script: StageScript, parser: ScriptParser) -> Iterator[Problem]:
    """Check the arguments of a processing job, which are passed unchanged."""
    arguments = [_text(value) for value in script.values.get("arguments", ())]
    if message := _rejection(parser, arguments, required=True):
        yield script.problem(f"{script.path} rejects them: {message}", _takes(parser), "arguments")


def _hyperparameters(script: StageScript, parser: ScriptParser) -> Iterator[Problem]:
    """Check each hyperparameter, then whether one is missing. The toolkit passes them as `--name value`
    (sagemaker-training, mapping.to_cmd_args)."""
    values = _passed(script)
    has_positionals = any(option.is_positional for option in parser.options)
    problems = [] if has_positionals else list(_rejected(script, parser, values))
    yield from problems
    arguments = [text for name, examples in sorted(values.items()) for text in _option(name, examples[0])]
    if not problems and (message := _rejection(parser, arguments, required=True)):
        remedy = "set the hyperparameters, or give the arguments a default"
        yield script.problem(f"{script.path} rejects them: {message}", remedy, "hyperparameters")


def _rejected(
    script: StageScript, parser: ScriptParser, values: Mapping[str, list[Any]]
) -> Iterator[Problem]:
    """Yield each hyperparameter that is rejected with one of its values."""
    for name, examples in values.items():
        messages = (_rejection(parser, _option(name, value), required=False) for value in examples)
        if message := next(filter(None, messages), ""):
            field = "ranges" if name in script.values.get("ranges", ()) else "hyperparameters"
            reason, remedy = _explained(name, message, parser)
            yield script.problem(f"{script.path} rejects it: {reason}", remedy, f"{field}.{name}")


def _explained(name: str, message: str, parser: ScriptParser) -> tuple[str, str]:
    """Return the reason and the remedy for the message of argparse."""
    option = parser.named.get(name)
    if option and not option.takes_value:
        return f"--{name} takes no value", NO_VALUE
    if message.startswith(UNRECOGNIZED):
        return message, nearest(name, parser.named, "it takes") or "it takes no arguments"
    return message, "change the value, or the argument in the script"


def _takes(parser: ScriptParser) -> str:
    shown = ", ".join(option.names[-1] for option in parser.options[:12])
    return f"it takes {shown or 'none'}{' ...' if len(parser.options) > 12 else ''}"


def _passed(script: StageScript) -> dict[str, list[Any]]:
    """Return hyperparameter -> examples of the values that the script gets."""
    fixed = {**script.values.get("hyperparameters", {}), **_requested(script)}
    ranges = {name: _examples(range_) for name, range_ in script.values.get("ranges", {}).items()}
    values = {name: [value] for name, value in fixed.items()} | ranges
    return {name: examples for name, examples in values.items() if not name.startswith(OWN)}


def _requested(script: StageScript) -> Mapping[str, Any]:
    """Return the hyperparameters that the stage's `request` adds, decoded as the toolkit does."""
    request = script.values.get("request", {})
    requested = request.get("HyperParameters") if isinstance(request, Mapping) else None
    return (
        {name: _decoded(text) for name, text in requested.items()} if isinstance(requested, Mapping) else {}
    )


def _decoded(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return text


def _examples(range_: Mapping[str, Any]) -> list[Any]:
    if "values" in range_:
        return list(range_["values"])
    ends = [range_["min"], range_["max"]]
    is_known = all(isinstance(end, int | float) for end in ends)
    return [*ends, sum(ends) / 2 + 0.01] if range_.get("type") == "continuous" and is_known else ends


def _option(name: str, value: Any) -> list[str]:
    return [f"--{name}" if len(name) > 1 else f"-{name}", _text(value)]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _rejection(parser: ScriptParser, arguments: list[str], *, required: bool) -> str:
    """Return why the parser rejects a command line, or "". A reference stands for any value."""
    relaxed = any("${" in text for text in arguments)
    try:
        parser.check(arguments, required=required, relaxed=relaxed)
    except ArgumentsError as error:
        return _without_values(str(error))
    return ""


def _without_values(message: str) -> str:
    """Return the message without the values of unknown arguments, which may be secrets."""
    if not message.startswith(UNRECOGNIZED):
        return message
    words = message.removeprefix(UNRECOGNIZED).strip(": ").split()
    names = ", ".join(word.partition("=")[0] for word in words if word[0] == "-")
    return f"{UNRECOGNIZED}: {names}" if names else UNRECOGNIZED
