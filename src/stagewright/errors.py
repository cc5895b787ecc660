"""Every error that Stagewright raises on purpose.

StagewrightError
├── DocumentError        a pipeline document is wrong; carries every problem found
├── PlanError            a correct document cannot be planned now (nothing to reuse, over a limit)
├── ReleaseError         code files are missing, changed under way, or too large
├── TargetError          the target cannot be reached, or refuses
│   └── DeniedError      the credentials do not allow it
├── NotFoundError        a pipeline, run or stage that does not exist
├── RunFailedError       a run ended, and not well
└── JobEnvironmentError  a Python environment for a job cannot be had

The command line prints `message` and, under it, `remedy`; it never prints a traceback for these.
"""

from __future__ import annotations

from dataclasses import dataclass


class StagewrightError(Exception):
    """What failed, and what to do next. `exit_code` is what the command line returns."""

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a document: where (dotted path, and line if known), what, and the remedy."""

    path: str
    message: str
    remedy: str = ""
    file: str = ""
    line: int | None = None

    def __str__(self) -> str:
        line = f"{self.line}:" if self.line else ""
        place = f"{self.file}:{line} " if self.file else ""
        remedy = f" ({self.remedy})" if self.remedy else ""
        what = self.path or ("" if self.file else "document")
        return f"{place}{what and f'{what}: '}{self.message}{remedy}"


class DocumentError(StagewrightError):
    """All the problems of one document at once."""

    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


class PlanError(DocumentError):
    """The document is well-formed, but this run of it cannot be planned."""

    exit_code = 3


class ReleaseError(StagewrightError):
    exit_code = 2


class TargetError(StagewrightError):
    exit_code = 4


class DeniedError(TargetError):
    pass


class NotFoundError(StagewrightError):
    exit_code = 5


class RunFailedError(StagewrightError):
    exit_code = 6


class JobEnvironmentError(StagewrightError):
    exit_code = 7
