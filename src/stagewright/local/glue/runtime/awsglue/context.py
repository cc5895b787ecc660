"""`GlueContext` with Spark's session only. Dynamic frames and the Data Catalog are not supported."""

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
        message = f"the local GlueContext has no {name}; use spark_session"
        raise NotImplementedError(message)
