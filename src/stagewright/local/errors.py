"""Translate errors of the local SageMaker to Stagewright's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sagemaker_local import errors
from stagewright.errors import JobEnvironmentError, StagewrightError, TargetError


@contextmanager
def translated() -> Iterator[None]:
    """Raise errors of the local SageMaker in the block as Stagewright's errors."""
    try:
        yield
    except errors.SageMakerLocalError as error:
        raise translation(error) from error


def translation(error: errors.SageMakerLocalError) -> StagewrightError:
    """Return an error for the command line with the same message and remedy."""
    if isinstance(error, errors.JobEnvironmentError):
        return JobEnvironmentError(error.message, error.remedy)
    return TargetError(error.message, error.remedy)
