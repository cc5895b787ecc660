"""Shell scripts as Windows editors save them: a shell or the kernel does not find what they name."""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.code_checks.stage_script import StageScript
from stagewright.errors import Problem

REMEDY = "save it with Unix line endings (LF), and add `*.sh text eol=lf` to .gitattributes"
UTF8 = "save it as UTF-8 without a byte order mark"
MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-8 and UTF-16."""


def errors(script: StageScript) -> Iterator[Problem]:
    """Yield what is wrong with the stage's own script, if it is a shell script."""
    yield from _problems(script, script.path)


def warnings(script: StageScript) -> Iterator[Problem]:
    """Yield what is wrong with other shell scripts of the stage. The job may not run them."""
    for path in script.files:
        if path != script.path:
            yield from _problems(script, path)


def _problems(script: StageScript, path: str) -> Iterator[Problem]:
    body = script.files[path]
    if not _is_run_by_a_shell(script, path, body):
        return
    if body.startswith(MARKS):
        yield script.problem_in(path, 1, "begins with a byte order mark, so no shell runs it", UTF8)
    elif b"\r\n" in body:
        line = body[: body.index(b"\r\n")].count(b"\n") + 1
        yield script.problem_in(path, line, "has Windows line endings", REMEDY)


def _is_run_by_a_shell(script: StageScript, path: str, body: bytes) -> bool:
    """Return whether a file is a shell script, or a file that a shell script can run by its first line.

    Python reads Windows line endings, so Python files that `python` runs are left out.
    """
    if path.endswith((".sh", ".bash")):
        return True
    has_interpreter = body.removeprefix(MARKS[0]).startswith(b"#!")
    return has_interpreter and (not path.endswith(".py") or not script.is_python)
