"""Every command that the source mentions exists, and every command that it prints can be typed as printed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer import BadParameter
from typer.main import get_command

from stagewright.cli.app import COMMANDS, app
from stagewright.cli.common import command_hints, output
from stagewright.errors import NotFoundError

USAGE_ERROR: Any = BadParameter.__mro__[1]
"""The error of Typer's own copy of Click."""
SOURCE = Path(__file__).parents[2] / "src"
COMMAND = re.compile(r"(?<![\w/.@:-])(?<!import )stagewright ([a-z][^`;,()\n]*)")
PROSE = re.compile(r"[a-z']+")
PLACEHOLDER = re.compile(r"(VALUE)+|\{[a-z]*\}|[A-Z]{2,}")
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def rendered(node: ast.expr) -> str:
    """Text of a string or f-string. A call of `program()` becomes the program's name, other values VALUE."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.FormattedValue(value=ast.Call(func=ast.Name(id="program"))):
            return "stagewright"
        case ast.JoinedStr(values=parts):
            return "".join(rendered(part) for part in parts)
        case _:
            return "VALUE"


def strings(tree: ast.AST, *, docstrings: bool = True) -> Iterator[str]:
    """Every string of the tree, f-strings as a whole."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.JoinedStr | ast.Constant):
            yield rendered(node)
        elif docstrings or not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            yield from strings(node, docstrings=docstrings)


def mentions(*, docstrings: bool = True) -> Iterator[tuple[str, str]]:
    """File and text of every mention of a command in a string or docstring."""
    for path in sorted(SOURCE.rglob("*.py")):
        for text in strings(ast.parse(path.read_text()), docstrings=docstrings):
            for mention in COMMAND.findall(" ".join(text.split())):
                yield str(path.relative_to(SOURCE)), mention.strip()


def command_of(mention: str) -> str:
    """The command's name: of two words where there is such a command."""
    first, _, rest = mention.partition(" ")
    both = f"{first} {rest.partition(' ')[0]}"
    return both if both in COMMANDS else first


def options_of(name: str) -> set[str]:
    command: Any = get_command(app)
    for word in name.split():
        command = command.get_command(None, word)
    return {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}


def test_every_command_mentioned_in_the_source_exists():
    unknown = [(file, text) for file, text in mentions() if command_of(text) not in COMMANDS]
    assert unknown == []


def test_every_option_mentioned_with_a_command_exists():
    known = {name: options_of(name) for name in COMMANDS}
    unknown = [
        (file, text)
        for file, text in mentions()
        if not known[command_of(text)].issuperset(OPTION.findall(text))
    ]
    assert unknown == []


def test_the_source_mentions_most_commands():
    assert {command_of(text) for _, text in mentions()} >= {"up", "run", "resume", "config show", "approve"}


def typed(mention: str) -> list[str]:
    """The words of a command up to the prose that follows it. VALUE and other placeholders are values."""
    words = mention.partition(" #")[0].split()
    name = len(command_of(mention).split())
    prose = (at for at, word in enumerate(words) if at >= name and PROSE.fullmatch(word))
    return [PLACEHOLDER.sub("3", word).rstrip(":.") for word in words[: next(prose, None)]]


def rejection(words: list[str]) -> str:
    """Why the command line rejects a command, by its own parser. Empty: it accepts it."""
    name = command_of(" ".join(words))
    command: Any = get_command(app)
    for word in name.split():
        command = command.get_command(None, word)
    try:
        command.make_context(name, words[len(name.split()) :])
    except USAGE_ERROR as error:
        return error.format_message()
    return ""


def test_every_command_that_is_printed_can_be_typed_as_printed():
    rejected = {
        (file, text): reason
        for file, text in mentions(docstrings=False)
        if (reason := rejection(typed(text)))
    }
    assert rejected == {}


@pytest.mark.parametrize("text", ["approve", "resume", "run --nothing x", "backfill x --every age", "show"])
def test_a_command_that_cannot_be_typed_is_found(text):
    assert rejection(typed(text))


def test_prose_after_a_command_is_no_argument():
    assert typed("runs VALUE lists the runs") == ["runs", "3"]
    assert typed("config show VALUE prints it") == ["config", "show", "3"]
    assert typed("run house-price --from VALUE replaces it") == ["run", "house-price", "--from", "3"]


def test_commands_of_another_target_name_it(monkeypatch):
    monkeypatch.delenv("STAGEWRIGHT_TARGET", raising=False)
    text = "x (stagewright show r1, or stagewright dlq; bin/stagewright config show p); stagewright up"
    assert command_hints.remember_target("local") == "local"
    assert command_hints.on_target(text) == text
    command_hints.remember_target("prod")
    assert command_hints.on_target(text) == (
        "x (stagewright show --target prod r1, or stagewright dlq; bin/stagewright config show"
        " --target prod p); stagewright up"
    )
    assert command_hints.on_target("stagewright show r --target uat") == "stagewright show r --target uat"
    monkeypatch.setenv("STAGEWRIGHT_TARGET", "prod")
    command_hints.remember_target("prod")
    assert command_hints.on_target(text) == text
    command_hints.remember_target("local")
    assert command_hints.on_target("stagewright runs") == "stagewright runs --target local"
    monkeypatch.delenv("STAGEWRIGHT_TARGET")
    command_hints.remember_target("local")


def test_the_commands_with_a_target_are_known():
    """`convert` only looks for code there."""
    with_target = {name for name in COMMANDS if "--target" in options_of(name)}
    assert with_target - {"convert"} == command_hints.WITH_TARGET


def test_lines_that_name_commands_are_printed_with_the_target(capsys):
    token = command_hints._given.set("prod")
    try:
        output.print_line("next: stagewright show r1")
        output.print_line("stagewright show r1")
        output.note("  | stagewright show r1")
        output.fail(NotFoundError("no runs", "stagewright runs lists them"), as_json=False, debug=False)
    finally:
        command_hints._given.reset(token)
    printed = capsys.readouterr()
    assert printed.out == "next: stagewright show --target prod r1\nstagewright show r1\n"
    assert printed.err == (
        "  | stagewright show r1\nerror: no runs\n  try: stagewright runs --target prod lists them\n"
    )
