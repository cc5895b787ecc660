"""Shell scripts that no shell of a container runs are rejected before a job starts."""

from __future__ import annotations

import pytest

WINDOWS = "#!/bin/bash\r\nset -e\r\n"
UNIX = "#!/bin/bash\nset -e\n"


@pytest.mark.parametrize(
    ("kind", "field"), [("training", "entry_point"), ("processing", "code")], ids=["training", "processing"]
)
def test_windows_line_endings_of_the_script_are_an_error(check, kind, field):
    (error,) = check({"run.sh": WINDOWS}, kind, **{field: "run.sh"}).errors
    assert (error.file, error.line, error.message) == ("run.sh", 1, "has Windows line endings")
    assert "LF" in error.remedy
    assert not check({"run.sh": UNIX}, kind, **{field: "run.sh"}).errors


def test_the_line_is_the_first_with_a_windows_ending(check):
    (error,) = check({"run.sh": "#!/bin/sh\necho\ncd /\r\n"}, entry_point="run.sh").errors
    assert error.line == 3


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
def test_a_byte_order_mark_is_an_error(check, mark):
    (error,) = check({"run.sh": mark + UNIX.encode()}, entry_point="run.sh").errors
    assert "byte order mark" in error.message


def test_a_script_without_a_suffix_runs_by_its_first_line(check):
    assert check({"run": WINDOWS}, entry_point="run").errors


def test_other_shell_scripts_of_the_stage_are_warnings(check):
    files = {
        "train.py": "print()\n",
        "setup.sh": WINDOWS,
        "tool": "#!/usr/bin/env python3\r\n",
        "a.txt": "a\r\n",
    }
    found = check(files, include=["setup.sh", "tool", "a.txt"])
    assert not found.errors
    assert [problem.file for problem in found.warnings] == ["setup.sh", "tool"]


def test_python_reads_windows_line_endings(check):
    found = check({"train.py": "#!/usr/bin/env python3\r\nprint()\r\n"})
    assert (found.errors, found.warnings) == ((), ())


def test_a_shell_script_may_run_a_python_file_by_its_first_line(check):
    files = {"run.sh": UNIX, "tool.py": "#!/usr/bin/env python3\r\nprint()\r\n"}
    found = check(files, entry_point="run.sh", include=["tool.py"])
    assert [problem.file for problem in found.warnings] == ["tool.py"]
