"""Checks for the state machine that AWS's language service, asl-validator and the local engine do not have.

| rule | source |
|---|---|
| an inner scope assigns no variable of an outer one | Step Functions guide, "Passing data with variables" |
| only operators and functions of JSONata 2.0.6, without `$eval` | "Transforming data with JSONata" |
| no length in a position of `$substring` | measured on AWS (iwamot/sfnx, docs/design.md): other units |
| no line break in an expression | AWS's language service rejects it |
| only known placeholders, and no `%{`, which templatefile interprets | Terraform, "Strings and Templates" |
| every Task has Retry, Catch and TimeoutSeconds; every Map a Catch | ours: every error must be recorded |
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

PLACEHOLDERS = frozenset({"partition", "prefix", "environment", "documents_table", "runs_table"})
_JSONATA = """
    string length substring substringBefore substringAfter uppercase lowercase trim pad contains
    split join match replace base64encode base64decode encodeUrlComponent encodeUrl
    decodeUrlComponent decodeUrl number abs floor ceil round power sqrt random formatNumber
    formatBase formatInteger parseInteger sum max min average boolean not exists count append sort
    reverse shuffle distinct zip keys lookup spread merge sift each error assert type now millis
    fromMillis toMillis map filter single reduce
"""
_STEP_FUNCTIONS = "partition range hash uuid parse"
FUNCTIONS = frozenset(f"{_JSONATA} {_STEP_FUNCTIONS}".split())
"""The functions of JSONata 2.0.6 and those that Step Functions adds."""
_EXPRESSION = re.compile(r"\{%(.*)%\}", re.DOTALL)
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_FORBIDDEN = {"??": re.compile(r"\?\?"), "?:": re.compile(r"(?<!\()\?:"), "$eval": re.compile(r"\$eval\b")}
_CALL = re.compile(r"\$(\w+)\s*\(")
_DEFINED = re.compile(r"\$(\w+)\s*:=|function\s*\(([^)]*)\)")


def lint(machine: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the problems of a state machine, each with the path of the state or field."""
    return (*_scopes(machine, frozenset(), ""), *_texts(machine), *_tasks(machine))


def expressions(node: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every JSONata expression below `node`: its path, and its text without delimiters."""
    for string_path, text in _strings(node, path):
        if match := _EXPRESSION.fullmatch(text):
            yield string_path, match[1].strip()


def _strings(node: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, str):
        yield path, node
    elif isinstance(node, Mapping):
        for key, value in node.items():
            yield f"{path}/{key}", str(key)
            yield from _strings(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _strings(value, f"{path}/{index}")


def _machines(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]


def _assigned(state: Mapping[str, Any]) -> set[str]:
    parts = (state, *state.get("Catch", ()), *state.get("Choices", ()))
    return {name for part in parts for name in part.get("Assign", {})}


def _scopes(machine: Mapping[str, Any], outer: frozenset[str], path: str) -> Iterator[str]:
    own = {name for state in machine["States"].values() for name in _assigned(state)}
    for name, state in machine["States"].items():
        for variable in sorted(_assigned(state) & outer):
            yield f"{path}/{name}: assigns ${variable} of an outer scope, which AWS rejects"
        for inner in _machines(state):
            yield from _scopes(inner, outer | own, f"{path}/{name}")


def _tasks(machine: Mapping[str, Any], path: str = "") -> Iterator[str]:
    required = {"Task": ("Retry", "Catch", "TimeoutSeconds"), "Map": ("Catch",)}
    for name, state in machine["States"].items():
        for field in required.get(state["Type"], ()):
            if field not in state:
                yield f"{path}/{name}: has no {field}"
        for inner in _machines(state):
            yield from _tasks(inner, f"{path}/{name}")


def _texts(machine: Mapping[str, Any]) -> Iterator[str]:
    for path, text in _strings(machine, ""):
        for name in re.findall(r"\$\{([^}]*)\}?", text):
            if name not in PLACEHOLDERS:
                yield f"{path}: unknown placeholder ${{{name}}}"
        if "%{" in text:
            yield f"{path}: Terraform's templatefile reads %{{ as a directive"
    for path, text in expressions(machine):
        yield from (f"{path}: {problem}" for problem in _expression(text))


def _expression(text: str) -> Iterator[str]:
    if "\n" in text:
        yield "a line break inside an expression"
    code = _TEXT.sub("''", text)
    for word, pattern in _FORBIDDEN.items():
        if pattern.search(code):
            yield f"{word} is not in JSONata 2.0.6 as Step Functions has it"
    if any("$length" in arguments for arguments in _positions(code)):
        yield "$substring cuts UTF-16 units, and $length counts code points: use a pattern"
    defined = {
        name.strip(" $") for pair in _DEFINED.findall(code) for group in pair for name in group.split(",")
    }
    for name in sorted(set(_CALL.findall(code)) - FUNCTIONS - defined - {"eval"}):
        yield f"${name} is not a function of JSONata 2.0.6 or Step Functions"


def _positions(code: str) -> Iterator[str]:
    """Yield the arguments of each call of $substring after the first."""
    for start in (match.end() for match in re.finditer(r"\$substring\(", code)):
        depth, end, comma = 1, start, 0
        while depth and end < len(code):
            depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(code[end], 0)
            comma = comma or (end if depth == 1 and code[end] == "," else 0)
            end += 1
        yield code[comma:end]
