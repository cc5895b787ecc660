"""Errors of the local SageMaker as Stagewright's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sagemaker_local import errors
from stagewright.errors import JobEnvironmentError, StagewrightError, TargetError


@contextmanager
def translated() -> Iterator[None]:
    """Raise the block's errors of the local SageMaker as Stagewright's."""
    try:
        yield
    except errors.SageMakerLocalError as error:
        raise translation(error) from error


def translation(error: errors.SageMakerLocalError) -> StagewrightError:
    """The same message and remedy in an error that the command line knows."""
    if isinstance(error, errors.JobEnvironmentError):
        return JobEnvironmentError(error.message, error.remedy)
    return TargetError(error.message, error.remedy)
