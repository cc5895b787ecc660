"""Every error that Stagewright raises on purpose.

StagewrightError
├── DocumentError        2  A pipeline document is wrong. Lists every problem.
│   └── PlanError        3  The document is valid, but this run of it cannot be planned.
├── ReleaseError         2  Code files are missing, changed during the push, or too large.
├── TargetError          4  The target cannot be reached, or rejects the request.
│   └── DeniedError      4  The credentials do not allow the request.
├── NotFoundError        5  The pipeline, run, stage or resource does not exist.
├── RunFailedError       6  The run failed, or is in a state that does not allow the command.
└── JobEnvironmentError  7  The Python environment of a local job cannot be created.

The number is the exit code of the command line. It prints `message`, then `remedy`, and no traceback.
"""

from __future__ import annotations

from dataclasses import dataclass


class StagewrightError(Exception):
    """`message` says what failed, `remedy` what to do next. `exit_code` is that of the command line.

    A traceback shows the remedy as a note (PEP 678).
    """

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        if remedy:
            self.add_note(f"try: {remedy}")


@dataclass(frozen=True)
class Problem:
    """One problem of a document: the dotted path of the field, the file and line if known, and the remedy."""

    path: str
    message: str
    remedy: str = ""
    file: str = ""
    line: int | None = None

    def __str__(self) -> str:
        line = f"{self.line}:" if self.line else ""
        source = f"{self.file}:{line} " if self.file else ""
        remedy = f" ({self.remedy})" if self.remedy else ""
        subject = self.path or ("" if self.file else "document")
        return f"{source}{subject and f'{subject}: '}{self.message}{remedy}"


class DocumentError(StagewrightError):
    """All problems of one document."""

    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(map(str, problems)))


class PlanError(DocumentError):
    """The document is valid, but this run of it cannot be planned."""

    exit_code = 3


class ReleaseError(StagewrightError):
    """Code files are missing, changed during the push, or too large."""

    exit_code = 2


class TargetError(StagewrightError):
    """The target cannot be reached, or rejects the request."""

    exit_code = 4


class DeniedError(TargetError):
    """The credentials do not allow the request. The message names the IAM action."""


class NotFoundError(StagewrightError):
    """The pipeline, run, stage or resource does not exist."""

    exit_code = 5


class RunFailedError(StagewrightError):
    """The run failed, or is in a state that does not allow the command."""

    exit_code = 6


class JobEnvironmentError(StagewrightError):
    """The Python environment of a local job cannot be created."""

    exit_code = 7
