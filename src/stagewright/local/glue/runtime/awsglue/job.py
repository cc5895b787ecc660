"""`Job` for Spark scripts. Bookmarks are not supported, so `commit` does nothing."""

from __future__ import annotations


class Job:
    def __init__(self, glue_context_or_spark_session: object) -> None:
        self._context = glue_context_or_spark_session
        self._name = ""

    def init(self, job_name: str, args: dict[str, str] | None = None) -> None:  # noqa: ARG002 -- as on AWS
        self._name = job_name

    def isInitialized(self) -> bool:  # noqa: N802 -- as on AWS
        return bool(self._name)

    def commit(self) -> None:
        """Do nothing."""
