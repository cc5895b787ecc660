"""Arguments, imports and values are read from the source alone."""

from __future__ import annotations

import textwrap

import pytest

from stagewright.syntax.scripts.arguments import Argument, Arguments, read_arguments, sys_argv_lines
from stagewright.syntax.scripts.imports import read_imports
from stagewright.syntax.scripts.source import UNKNOWN, Source, parse


def source(text: str) -> Source:
    return parse(textwrap.dedent(text).encode(), "train.py")


def arguments(body: str) -> Arguments:
    return read_arguments(source(f"import argparse, os\nparser = argparse.ArgumentParser()\n{body}"))


def argument(call: str) -> Argument:
    (one,) = arguments(f"parser.add_argument({call})").known
    return one


@pytest.mark.parametrize(
    ("call", "hyperparameter", "default"),
    [
        ('"--trees", type=int, default=10', "trees", 10),
        ('"-n", "--n-trees", type=int, default=-1', "n-trees", -1),
        ('"--n-trees", "-n"', "n-trees", None),
        ('"-n", type=int, default=3', "n", 3),
        ('"-lr", type=float, default=0.1', "", 0.1),
        ('"--size", default=2 * 3', "size", UNKNOWN),
        ('"--depth", default=int(os.environ.get("DEPTH", "4"))', "depth", 4),
        ('"data"', "", None),
    ],
)
def test_argument_has_the_hyperparameter_that_reaches_it(
    call: str, hyperparameter: str, default: object
) -> None:
    read = argument(call)
    assert read.hyperparameter == hyperparameter
    assert read.default == default


@pytest.mark.parametrize(
    "default",
    [
        'os.environ["SM_CHANNEL_TRAIN"]',
        'os.environ.get("SM_CHANNEL_TRAIN")',
        'os.environ.get("SM_CHANNEL_TRAIN", "data")',
        'os.getenv("SM_CHANNEL_TRAIN")',
        'str(os.environ["SM_CHANNEL_TRAIN"])',
        'os.path.join(os.environ["SM_CHANNEL_TRAIN"], "train.csv")',
        'os.environ.get("SM_CHANNEL_TRAIN") or "data"',
        "HERE",
    ],
)
def test_default_of_a_variable_names_the_variable(default: str) -> None:
    body = f'HERE = os.environ["SM_CHANNEL_TRAIN"]\nparser.add_argument("--train", default={default})'
    (read,) = arguments(body).known
    assert read.variable == "SM_CHANNEL_TRAIN"


@pytest.mark.parametrize(
    ("call", "field"),
    [
        ('"--debug", action="store_true"', "is_flag"),
        ('"--debug", action=argparse.BooleanOptionalAction', "is_flag"),
        ('"--layers", nargs="+", type=int', "is_list"),
        ('"--layers", nargs=2', "is_list"),
        ('"--data", required=True', "is_required"),
        ('"data"', "is_required"),
    ],
)
def test_form_of_an_argument(call: str, field: str) -> None:
    assert getattr(argument(call), field)


def test_optional_positional_is_not_required() -> None:
    assert not argument('"data", nargs="?"').is_required


def test_groups_and_subclasses_of_parsers_are_read() -> None:
    read = arguments(
        'group = parser.add_argument_group("model")\n'
        'group.add_argument("--depth", type=int, default=3)\n'
        'parser.add_mutually_exclusive_group().add_argument("--width", type=int)\n'
        "options, rest = parser.parse_known_args()"
    )
    assert [one.name for one in read.known] == ["depth", "width"]
    assert (read.accepts_others, read.parses) == (True, True)


def test_arguments_that_are_computed_are_listed_by_line() -> None:
    read = arguments(
        'for name in ("a", "b"):\n    parser.add_argument(f"--{name}")\nparser.add_argument("--c", **more)'
    )
    assert (read.known, read.unread) == ((), (4, 5))


def test_methods_of_other_libraries_define_no_arguments() -> None:
    assert read_arguments(source('options.add_argument("--headless")')) == Arguments()


def test_click_options_are_arguments() -> None:
    read = read_arguments(
        source(
            """
            import click
            @click.command()
            @click.option("--trees", default=10, type=int)
            @click.option("--fast/--slow", default=True)
            @click.option("--quiet", is_flag=True)
            def main(trees, fast, quiet): ...
            """
        )
    )
    assert [(one.name, one.default, one.is_flag) for one in read.known] == [
        ("trees", 10, False),
        ("fast", True, True),
        ("quiet", None, True),
    ]
    assert read.parses


def test_positions_of_sys_argv_are_found() -> None:
    script = source("import sys\nprint(sys.argv[0])\nopen(sys.argv[1])\nsys.argv[1:]")
    assert sorted(sys_argv_lines(script, parses=False)) == [3, 4]
    assert sorted(sys_argv_lines(script, parses=True)) == [3]
    tested = source("import sys\nif len(sys.argv) > 1:\n    open(sys.argv[1])")
    assert list(sys_argv_lines(tested, parses=False)) == []


def test_imports_with_lines_and_what_the_script_can_do_without() -> None:
    read = read_imports(
        source(
            """
            import os, pandas as pd
            from sklearn.linear_model import Ridge
            from . import own
            from typing import TYPE_CHECKING
            if TYPE_CHECKING:
                import numpy
            try:
                import lightgbm
            except ImportError:
                lightgbm = None
            def late():
                import joblib
            try:
                import shap
            except ValueError:
                pass
            """
        )
    )
    needed = {
        one.top: one.line for one in read if not one.is_standard and not one.level and not one.is_optional
    }
    assert needed == {"pandas": 2, "sklearn": 3, "joblib": 13, "shap": 15}
    assert [one.top for one in read if one.is_optional] == ["lightgbm"]
    assert [(one.level, one.names) for one in read if one.level] == [(1, ("own",))]


@pytest.mark.parametrize("content", [b"def", b"x = '\xff'", b"x = 1\0", b"(" * 500, b"# coding: nope\n"])
def test_what_is_not_python_is_one_error(content: bytes) -> None:
    with pytest.raises(SyntaxError):
        parse(content, "train.py")


def test_declared_encodings_and_byte_order_marks_are_read() -> None:
    assert list(parse("# coding: latin-1\nx = 'é'".encode("latin-1"), "a.py").strings()) == [("é", 2)]
    assert list(parse(b"\xef\xbb\xbfx = 'a'", "a.py").strings()) == [("a", 1)]


def test_strings_are_without_docstrings() -> None:
    assert list(source('"""Reads a.csv."""\nread("b.csv")').strings()) == [("b.csv", 2)]
