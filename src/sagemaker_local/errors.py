"""Errors of the local SageMaker.

SageMakerLocalError
├── ServiceError             the service cannot start, or cannot use its state folder
└── JobEnvironmentError      a Python environment for an image cannot be built
    └── RequirementsError    a job's requirements.txt cannot be installed
JobFailure                   why one job failed; the job's FailureReason

API calls raise `api.protocol.ApiError`, which carries SageMaker's own code and message.
"""

from __future__ import annotations


class SageMakerLocalError(Exception):
    """What failed (`message`) and what to do next (`remedy`)."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class ServiceError(SageMakerLocalError):
    """The service cannot start, or cannot use its state folder."""


class JobEnvironmentError(SageMakerLocalError):
    """A Python environment for an image cannot be built."""


class RequirementsError(JobEnvironmentError):
    """A job's own requirements.txt cannot be installed. `code` and `output` are the installer's."""

    def __init__(self, code: int, output: str) -> None:
        super().__init__(f"requirements.txt could not be installed: {output}", "correct requirements.txt")
        self.code = code
        self.output = output


class JobFailure(Exception):  # noqa: N818 -- the API calls it a FailureReason
    """The text is the job's FailureReason: `ClientError: ...`, `AlgorithmError: ...`, ..."""
