"""The module `awsglue` for scripts: `utils` for their arguments, `context` and `job` for Spark.

It runs in the Python of the job.
"""

from __future__ import annotations
