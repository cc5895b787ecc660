"""The arguments of a script: of `argparse`, and the options of `click`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stagewright.syntax.scripts.source import UNKNOWN, Source, Value, dotted

FLAGS = ("store_true", "store_false", "store_const", "append_const", "count", "help", "version")
"""Actions of argparse that take no value (Python's documentation: argparse, action)."""
LISTS = ("+", "*")
SUBCOMMANDS = ("add_subparsers", "click.group")
OTHERS = ("HfArgumentParser", "Fire", "fire.Fire", "typer.run", "tyro.cli", "hydra.main")
"""Calls that define arguments in ways that are not read here."""


@dataclass(frozen=True)
class Argument:
    """One argument. `options`: `("-n", "--trees")`; empty if it is positional.

    `default`: UNKNOWN if only a run can compute it, None if there is none. `variable`: the environment
    variable that the default comes from. `type`: the function that converts the text; "": it stays a text.
    """

    name: str
    options: tuple[str, ...]
    line: int
    default: Any = None
    variable: str = ""
    type: str = ""
    is_required: bool = False
    is_flag: bool = False
    is_list: bool = False

    @property
    def hyperparameter(self) -> str:
        """The hyperparameter that SageMaker passes to the argument: its long option, or its one-letter one.

        Empty if there is none: `--name value` is all that a script receives, and `-n value` for one letter
        (sagemaker-training, mapping.to_cmd_args).
        """
        long = [option[2:] for option in self.options if option.startswith("--") and len(option) > 3]
        short = [option[1:] for option in self.options if len(option) == 2]
        return next(iter((*long, *short)), "")


@dataclass(frozen=True)
class Arguments:
    """The arguments of a script. `unread`: the lines whose arguments cannot be known from the source.

    `accepts_others`: the script ignores unknown arguments (`parse_known_args`). `parses`: it reads its
    command line at all. `subcommands`: the lines that define subcommands. `parsers`: how many parsers of
    argparse it creates, without those that are only parents of others.
    """

    known: tuple[Argument, ...] = ()
    unread: tuple[int, ...] = ()
    accepts_others: bool = False
    parses: bool = False
    subcommands: tuple[int, ...] = ()
    parsers: int = 0


def read_arguments(source: Source) -> Arguments:
    """The arguments that the parsers of a script define. An argument of two parsers is listed once."""
    known: dict[str, Argument] = {}
    unread, names = [], []
    uses = _modules(source)
    for call in source.calls():
        name = dotted(call.func).rpartition(".")[2] or getattr(call.func, "attr", "")
        names.append("parent" if any(item.arg == "add_help" for item in call.keywords) else name)
        if argument := _argument(source, call, name, uses):
            known.setdefault(argument.name, argument)
        elif (name == "add_argument" and "argparse" in uses) or name in OTHERS or dotted(call.func) in OTHERS:
            unread.append(call.lineno)
    is_click = "click" in uses and any(_is_click(call) for call in source.calls())
    return Arguments(
        known=tuple(known.values()),
        unread=tuple(unread),
        accepts_others="parse_known_args" in names,
        parses=bool(set(names) & _PARSES) or is_click,
        subcommands=tuple(call.lineno for call in source.calls() if dotted(call.func).endswith(SUBCOMMANDS)),
        parsers=names.count("ArgumentParser"),
    )


_PARSES = {"parse_args", "parse_known_args", "parse_args_into_dataclasses"}


def _modules(source: Source) -> set[str]:
    """The top-level names of all imported modules."""
    names: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def _is_click(call: ast.Call) -> bool:
    return dotted(call.func) in ("click.option", "click.argument", "option")


def _argument(source: Source, call: ast.Call, name: str, uses: set[str]) -> Argument | None:
    """The argument that a call defines. None: it defines none, or one whose name is computed."""
    is_argparse = name == "add_argument" and "argparse" in uses
    if not is_argparse and not ("click" in uses and _is_click(call)):
        return None
    names = [source.value(node).value for node in call.args]
    names = [text for text in names if isinstance(text, str)]
    if not names or len(names) != len(call.args) or any(keyword.arg is None for keyword in call.keywords):
        return None
    return _read(names, call, {item.arg: item.value for item in call.keywords}, source, is_argparse)


def _read(
    names: list[str], call: ast.Call, fields: dict[str | None, ast.expr], source: Source, is_argparse: bool
) -> Argument:
    options = tuple(option.partition("/")[0] for option in names if option.startswith("-"))
    default = source.value(fields["default"]) if "default" in fields else Value(None)
    action, nargs, required = (source.value(fields.get(key)).value for key in ("action", "nargs", "required"))
    is_flag = any("/" in name for name in names) or action in FLAGS or _is_true(source, fields, "is_flag")
    is_flag = is_flag or dotted(fields.get("action", ast.Constant(None))).endswith("BooleanOptionalAction")
    optional = nargs in ("?", "*") or (not is_argparse and "default" in fields)
    return Argument(
        name=_destination(names, options),
        options=options,
        line=call.lineno,
        default=default.value,
        variable=default.variable,
        type=_type(fields.get("type"), None if is_argparse else default.value),
        is_required=required is True if options else not optional,
        is_flag=is_flag,
        is_list=nargs in LISTS or isinstance(nargs, int) or _is_true(source, fields, "multiple"),
    )


def _type(node: ast.expr | None, default: Any) -> str:
    """The name of the conversion. click takes that of the default, argparse none."""
    if node is not None:
        return dotted(node) or ast.unparse(node)
    return "" if default in (None, UNKNOWN) else type(default).__name__


def _is_true(source: Source, fields: dict[str | None, ast.expr], name: str) -> bool:
    return source.value(fields.get(name)).value is True


def _destination(names: list[str], options: tuple[str, ...]) -> str:
    """The name that argparse derives: of the first long option, else of the first."""
    long = [option for option in options if option.startswith("--")]
    return next(iter((*long, *options, *names))).lstrip("-").replace("-", "_")


def sys_argv_lines(source: Source, *, parses: bool) -> Iterator[int]:
    """The lines that read `sys.argv[1]` or later: arguments by position. None if it tests their number.

    `parses`: the script has a parser, which may get `sys.argv[1:]`.
    """
    if any(dotted(call.func) == "len" and "argv" in ast.unparse(call) for call in source.calls()):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Subscript) and dotted(node.value) in ("sys.argv", "argv"):
            is_slice = isinstance(node.slice, ast.Slice)
            if not (parses if is_slice else source.value(node.slice).value == 0):
                yield node.lineno
