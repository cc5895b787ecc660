"""Why a job failed."""

from __future__ import annotations


class JobFailure(Exception):  # noqa: N818 -- the API calls it a FailureReason
    """Its text is the job's FailureReason: `ClientError: ...`, `AlgorithmError: ...`, ..."""
