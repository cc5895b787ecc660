"""Errors of the XGBoost image (sagemaker_algorithm_toolkit/exceptions.py)."""

from __future__ import annotations


class BaseToolkitError(Exception):
    """An error with a message and the exception that caused it."""

    def __init__(self, message: str | None = None, caused_by: Exception | None = None) -> None:
        self.message = message or (str(caused_by) if caused_by else "unknown error occurred")
        if caused_by:
            self.message += f" (caused by {type(caused_by).__name__})"
        self.caused_by = caused_by
        super().__init__(self.message)


class AlgorithmError(BaseToolkitError):
    """The algorithm failed."""


class UserError(BaseToolkitError):
    """A mistake in the job's data or settings."""


class PlatformError(BaseToolkitError):
    """The platform failed."""
