"""Every command that the source mentions exists, with every option that is given with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from stagewright.cli.app import COMMANDS, app

SOURCE = Path(__file__).parents[2] / "src"
COMMAND = re.compile(r"(?<![\w/.@:-])(?<!import )stagewright ([a-z][^`;,()\n]*)")
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


def strings(tree: ast.AST) -> Iterator[str]:
    """Every string of the tree, f-strings as a whole."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.JoinedStr | ast.Constant):
            yield rendered(node)
        else:
            yield from strings(node)


def mentions() -> Iterator[tuple[str, str]]:
    """File and text of every mention of a command in a string or docstring."""
    for path in sorted(SOURCE.rglob("*.py")):
        for text in strings(ast.parse(path.read_text())):
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
