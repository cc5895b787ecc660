"""The local Glue: jobs and job runs. Python shell runs as a process, Spark in a Python with pyspark."""

from __future__ import annotations
