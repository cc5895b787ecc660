"""All checks of a pipeline's code. Read this module first.

    check             what it finds                                                          module
    syntax            Python that the image's version cannot parse                           syntax_errors
    line endings      shell scripts with Windows line endings or a byte order mark           line_endings
    arguments         hyperparameters and arguments that the script's argparse rejects       arguments
    imports           modules that neither the image, the code nor requirements.txt has      missing_modules

Errors are what surely fails a job. Warnings are what most likely does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from stagewright.code_checks import arguments, line_endings, missing_modules, syntax_errors
from stagewright.code_checks.stage_script import StageScript, scripts
from stagewright.document.pipeline import Pipeline
from stagewright.errors import Problem

Check = Callable[[StageScript], Iterator[Problem]]
ERRORS: tuple[Check, ...] = (syntax_errors.errors, line_endings.errors)
WARNINGS: tuple[Check, ...] = (
    syntax_errors.warnings,
    line_endings.warnings,
    arguments.warnings,
    missing_modules.warnings,
)


@dataclass(frozen=True)
class CodeProblems:
    """The problems of a pipeline's code. Those of code files have their path in the code folder as `file`,
    those of the document have none."""

    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def check_code(pipeline: Pipeline, code: Mapping[str, bytes]) -> CodeProblems:
    """Check the scripts of the enabled stages. `code`: path in the code folder -> content."""
    checked = list(scripts(pipeline, code))
    return CodeProblems(_collected(checked, ERRORS), _collected(checked, WARNINGS))


def _collected(checked: Iterable[StageScript], checks: Iterable[Check]) -> tuple[Problem, ...]:
    """Return the problems of all scripts. One of a file that several stages share is listed once."""
    problems = [problem for script in checked for check in checks for problem in check(script)]
    unique = {_key(problem): problem for problem in reversed(problems)}
    return tuple(reversed(unique.values()))


def _key(problem: Problem) -> tuple[str, int | None, str]:
    return problem.file or problem.path, problem.line, problem.message
