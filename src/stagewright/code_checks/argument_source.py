"""What a script's source shows of its argparse parser. The source is not run.

A parser that the source does not fully show is not made again: one with other arguments than literals, with
subcommands or parent parsers, in a loop, or one of several.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Iterator, Mapping
from typing import Any

from stagewright.code_checks.argument_parser import ArgumentsError, Option, ScriptParser
from stagewright.code_checks.python_files import PythonFile, is_main_guard

ACTIONS = frozenset(
    (
        "store",
        "store_true",
        "store_false",
        "store_const",
        "append",
        "append_const",
        "count",
        "extend",
        "help",
        "version",
    )
)
TYPES = {"int": int, "float": float}
"""The converters that are known. Any other accepts every text."""
UNCLEAR = frozenset(
    ("add_subparsers", "parse_known_args", "parse_intermixed_args", "parse_known_intermixed_args", "register")
)
"""Methods of a parser that take more, or other, arguments than `add_argument` shows."""
HARMLESS = frozenset(("description", "prog", "usage", "epilog", "formatter_class", "argument_default"))
"""Options of ArgumentParser that do not decide which arguments it takes."""
OTHER_PARSERS = ("absl", "click", "fire", "hydra", "jsonargparse", "simple_parsing", "typer", "tyro")


class Unknown(Exception):  # noqa: N818 -- not an error
    """The source does not show which arguments the script takes."""


def script_parser(modules: Mapping[str, PythonFile]) -> ScriptParser | None:
    """Return the parser of a script, or None if its source does not fully show it.

    `modules`: the script first, then the modules that it imports.
    """
    try:
        parser = _rebuilt([module.tree for module in modules.values() if module.tree])
        if parser:
            parser.check([], required=False)  # argparse rejects a wrong definition
    except (Unknown, ArgumentsError, argparse.ArgumentError, ValueError, TypeError, IndexError):
        return None
    return parser


def _rebuilt(trees: list[ast.Module]) -> ScriptParser | None:
    if not trees or not (constructor := _constructor(trees)):
        return None
    source = Source([node for tree in trees for node in _running(tree)])
    if source.hides_arguments or not source.parses_command_line:
        return None
    keywords = {word.arg or "**": _literal(word.value) for word in constructor.keywords
                if word.arg not in HARMLESS}  # fmt: skip
    if constructor.args or set(keywords) - {"add_help", "allow_abbrev", "conflict_handler"}:
        return None
    return ScriptParser(tuple(source.options()), keywords)


class Source:
    """The nodes of a script and of the modules that it imports."""

    def __init__(self, nodes: list[ast.AST]) -> None:
        self.nodes = nodes
        self.calls = [node for node in nodes if isinstance(node, ast.Call)]
        functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
        self.functions = {function.name for function in functions}
        self.parsers = {
            name for node in nodes if isinstance(node, ast.Assign) for name in _parser_names(node)
        }
        self.optional = {name for function in functions if self._is_called_plainly(function)
                         for name in _optional_parameters(function)}  # fmt: skip

    @property
    def parses_command_line(self) -> bool:
        """Whether `parse_args` is called, and always with the arguments of the process."""
        calls = [call for call in self.calls if _method(call) == "parse_args"]
        values = [value for call in calls for value in _values(call)]
        return bool(calls) and all(_is_command_line(value, self.optional) for value in values)

    @property
    def hides_arguments(self) -> bool:
        """Whether it is unclear which arguments the script takes."""
        whole = [node for node in self.nodes if _is_argv(node)]
        parts = [node for node in self.nodes if _is_argv_part(node)]
        return len(whole) != len(parts) or any(map(self._hides, self.nodes))

    def options(self) -> Iterator[Option]:
        """Yield the arguments of the parser. Raises Unknown if one has other names than literals."""
        conditional = {
            id(inner) for node in self.nodes if isinstance(node, ast.If) for inner in ast.walk(node)
        }
        for call in self.calls:
            if _method(call) == "add_argument":
                yield _option(call, may_be_absent=id(call) in conditional)

    def _hides(self, node: ast.AST) -> bool:
        match node:
            case ast.Import(names=names):
                return any(name.name.partition(".")[0] in OTHER_PARSERS for name in names)
            case ast.ImportFrom(module=module):
                return (module or "").partition(".")[0] in (*OTHER_PARSERS, "sys")
            case ast.For() | ast.While() | ast.AsyncFor() | ast.ListComp() | ast.GeneratorExp():
                return any(_name(inner) == "add_argument" for inner in ast.walk(node))
            case ast.ExceptHandler(type=caught):
                return caught is None or "SystemExit" in ast.dump(caught)
            case ast.Call():
                return _method(node) in UNCLEAR or self._passes_parser(node)
        return False

    def _passes_parser(self, call: ast.Call) -> bool:
        """Return whether a function elsewhere gets the parser: it may add arguments."""
        names = {value.id for value in _values(call) if isinstance(value, ast.Name)}
        return not names.isdisjoint(self.parsers) and _name(call.func) not in self.functions

    def _is_called_plainly(self, function: ast.FunctionDef) -> bool:
        """Return whether no call of a function passes other arguments than those of the process."""
        calls = [call for call in self.calls if _name(call.func) == function.name]
        return all(_is_command_line(value, set()) for call in calls for value in _values(call))


def _constructor(trees: list[ast.Module]) -> ast.Call | None:
    """Return the only call of ArgumentParser. It is in the script, or in a function that the script calls."""
    calls = [(tree, call) for tree in trees for call in _constructors(tree)]
    mentions = sum(_is_parser_class(node) for tree in trees for node in ast.walk(tree))
    if len(calls) != 1 or mentions != 1:
        return None
    ((tree, call),) = calls
    if tree is trees[0]:
        return call
    functions = [node.name for node in tree.body
                 if isinstance(node, ast.FunctionDef) and call in ast.walk(node)]  # fmt: skip
    called = {_name(node.func) for node in ast.walk(trees[0]) if isinstance(node, ast.Call)}
    return call if called.intersection(functions) else None


def _constructors(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_parser_class(node.func):
            yield node


def _is_parser_class(node: ast.AST) -> bool:
    return _name(node) == "ArgumentParser"


def _name(node: ast.AST) -> str:
    """Return the last word of a name such as `argparse.ArgumentParser`. Empty for other expressions."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _running(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes of a file. Conditions on `__name__` are replaced by what they guard."""
    for statement in tree.body:
        if isinstance(statement, ast.If) and is_main_guard(statement.test):
            for inner in statement.body:
                yield from ast.walk(inner)
        else:
            yield from ast.walk(statement)


def _parser_names(node: ast.Assign) -> Iterator[str]:
    """Yield the names that a statement gives to a parser or to a group of one."""
    made = ("ArgumentParser", "add_argument_group", "add_mutually_exclusive_group")
    if isinstance(node.value, ast.Call) and _name(node.value.func) in made:
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _optional_parameters(function: ast.FunctionDef) -> Iterator[str]:
    """Yield the parameters of a function that are None by default."""
    parameters = [*function.args.posonlyargs, *function.args.args]
    defaults = function.args.defaults
    for parameter, default in zip(parameters[len(parameters) - len(defaults) :], defaults, strict=True):
        if _is_none(default):
            yield parameter.arg


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _values(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(word.value for word in call.keywords)]


def _is_command_line(value: ast.expr, optional: set[str]) -> bool:
    is_optional = isinstance(value, ast.Name) and value.id in optional
    return is_optional or _is_none(value) or _is_argv_part(value)


def _is_argv(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "argv"


def _is_argv_part(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and ast.unparse(node) in ("sys.argv[1:]", "sys.argv[0]")


def _option(call: ast.Call, *, may_be_absent: bool) -> Option:
    """Return an argument of the parser. Raises Unknown if its names are not literals."""
    words = {word.arg: word.value for word in call.keywords}
    names = [_literal(argument) for argument in call.args]
    if None in words or not names or not all(isinstance(name, str) and name for name in names):
        raise Unknown
    is_option = names[0][0] == "-"
    if may_be_absent and not is_option:
        raise Unknown
    keywords = _keywords(words)
    if may_be_absent or not is_option:
        keywords.pop("required", None)
    return Option(tuple(names), keywords)


def _keywords(words: Mapping[str | None, ast.expr]) -> dict[str, Any]:
    """Return the keywords that decide what an argument takes."""
    keywords: dict[str, Any] = {}
    for word in ("nargs", "required", "choices"):
        if word in words and (value := _literal(words[word])) is not None:
            keywords[word] = value
        elif word == "nargs" and word in words and not _is_none(words[word]):
            raise Unknown
    if "type" in words and _name(words["type"]) in TYPES:
        keywords["type"] = TYPES[_name(words["type"])]
    if "action" in words:
        keywords |= _action(words["action"])
    if keywords.get("choices") is not None and "type" in words and "type" not in keywords:
        del keywords["choices"]  # they are values of an unknown type
    if "const" in words and keywords.get("action") in ("store_const", "append_const"):
        keywords["const"] = True
    return keywords


def _action(value: ast.expr) -> dict[str, Any]:
    if _name(value) == "BooleanOptionalAction":
        return {"action": argparse.BooleanOptionalAction}
    action = _literal(value)
    if action not in ACTIONS:
        raise Unknown
    return {"action": action}


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _literal(value: ast.expr) -> Any:
    """Return the value of a literal, or None."""
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
