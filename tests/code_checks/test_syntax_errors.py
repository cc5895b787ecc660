"""Python that the image's version cannot parse is rejected before a job starts."""

from __future__ import annotations

import sys

import pytest

from stagewright.code_checks import python_files
from stagewright.code_checks.checks import check_code
from stagewright.document.load import load

OK = "print('ready')\n"
MATCH = "import os\nmatch 3:\n    case 3:\n        pass\n"
NESTED = "a = {'b': 1}\nprint(f'{a['b']}')\n"


def places(problems):
    return [(problem.file, problem.line, problem.message) for problem in problems]


def test_a_syntax_error_of_the_script_is_an_error_with_its_line(check):
    found = check({"train.py": "import os\nprint('x'\n"})
    assert places(found.errors) == [("train.py", 2, "is not valid Python 3.10: '(' was never closed")]


@pytest.mark.parametrize(
    "body", ["return 3\n", "def f(a, a): pass\n", "x = 3\x00\n", "if x:\nprint(1)\n", "!pip install x\n"]
)
def test_what_only_the_compiler_rejects_is_an_error_too(check, body):
    assert [problem.file for problem in check({"train.py": body}).errors] == ["train.py"]


def test_the_version_of_the_image_decides(check):
    assert not check({"train.py": MATCH}, image="sklearn-1.4").errors
    (error,) = check({"train.py": MATCH}, image="sklearn-1.2").errors
    assert (error.line, "3.9" in error.message, "3.10" in error.message) == (2, True, True)
    uri = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
    assert check({"train.py": MATCH}, image=uri).errors
    assert not check({"train.py": MATCH}, image="123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1").errors


def test_a_parameter_chooses_the_image(check):
    fields = {"image": "${parameters.image}", "parameters": {"image": "sklearn-1.2"}}
    assert check({"train.py": MATCH}, **fields).errors


def test_what_a_newer_python_may_accept_is_no_error(check, monkeypatch):
    """pytorch-2.6 has Python 3.12, where an f-string may repeat its quotes."""
    assert not check({"train.py": NESTED}, image="pytorch-2.6").errors
    assert not check({"train.py": "type Row = list[int]\n"}, image="pytorch-2.6").errors
    assert check({"train.py": "print('x'\n"}, image="pytorch-2.6").errors


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python parses it, and knows no older form")
def test_what_an_older_python_rejects_is_an_error(check):
    assert check({"train.py": NESTED}, image="sklearn-1.4").errors


def test_imported_files_are_errors_and_others_warnings(check):
    files = {
        "train.py": "import lib.model\nfrom . import near\ntry:\n    import maybe\nexcept Exception: pass\n",
        "lib/__init__.py": OK,
        "lib/model.py": "from .layers import Layer\n",
        "lib/layers.py": "class Layer(:\n",
        "near.py": "x = = 3\n",
        "maybe.py": "print 'python 2'\n",
        "template.py": "{{ name }} = {% x %}\n",
    }
    found = check(files, include=[path for path in files if path != "train.py"])
    assert [problem.file for problem in found.errors] == ["near.py", "lib/layers.py"]
    assert [problem.file for problem in found.warnings] == ["maybe.py", "template.py"]


def test_a_coding_and_a_byte_order_mark_are_read(check):
    assert not check({"train.py": b"# -*- coding: latin-1 -*-\nx = '\xe9'\n"}).errors
    assert not check({"train.py": b"\xef\xbb\xbfx = 3\r\n"}).errors
    (error,) = check({"train.py": b"x = '\xe9'\n"}).errors
    assert error.file == "train.py"


def test_a_disabled_stage_is_not_checked(check):
    assert not check({"train.py": "("}, enabled=False).errors


def test_a_file_is_parsed_once(check):
    body = "print('once')\n"
    before = python_files.parse.cache_info().misses
    for _ in range(3):
        check({"train.py": body})
    assert python_files.parse.cache_info().misses == before + 1


def test_the_default_image_is_not_that_of_glue():
    glue = {"kind": "glue", "code": "a.py"}
    document = {"name": "p", "defaults": {"image": "sklearn-1.2"}, "stages": {"s": glue}}
    assert not check_code(load(document), {"a.py": MATCH.encode()}).errors
    assert check_code(load(document), {"a.py": b"print('x'"}).errors
