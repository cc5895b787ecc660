"""`GlueContext` as far as it is Spark's own: the session. Dynamic frames and the catalog are not here."""

from __future__ import annotations

from typing import Any


class GlueContext:
    def __init__(self, sparkContext: Any, **_options: Any) -> None:  # noqa: N803 -- as on AWS
        from pyspark.sql import SparkSession

        self.spark_session = SparkSession.builder.getOrCreate()
        self._context = sparkContext

    @property
    def sparkSession(self) -> Any:  # noqa: N802 -- as on AWS
        return self.spark_session

    def get_logger(self) -> Any:
        return self._context._jvm.org.apache.log4j.LogManager.getLogger("GlueLogger")

    def __getattr__(self, name: str) -> Any:
        message = f"the local GlueContext has no {name}: use spark_session, which is Spark's own"
        raise NotImplementedError(message)
