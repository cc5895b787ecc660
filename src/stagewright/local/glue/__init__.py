"""A Glue service of ours: jobs and their runs. Python shell runs as a process; Spark where pyspark is."""

from __future__ import annotations
