"""Python files that the image's Python cannot parse."""

from __future__ import annotations

from collections.abc import Iterator

from stagewright.code_checks import python_files
from stagewright.code_checks.stage_script import StageScript
from stagewright.errors import Problem


def errors(script: StageScript) -> Iterator[Problem]:
    """Yield the syntax errors of the script and of the files that it surely imports."""
    yield from (problem for path in script.modules for problem in _problems(script, path))


def warnings(script: StageScript) -> Iterator[Problem]:
    """Yield the syntax errors of the stage's other files: a job fails only if it imports them."""
    for path in script.files:
        if path.endswith(".py") and path not in script.modules:
            yield from _problems(script, path)


def _problems(script: StageScript, path: str) -> Iterator[Problem]:
    is_imported = path in script.modules
    error = python_files.syntax_error(script.files[path], script.python, thorough=is_imported)
    if error:
        version = ".".join(map(str, script.python or python_files.OWN))
        message = f"is not valid Python {version}: {error.message}"
        yield script.problem_in(path, error.line, message, "fix the line")
