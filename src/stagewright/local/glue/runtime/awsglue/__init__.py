"""What scripts of Glue jobs import: `utils` for their arguments, `context` and `job` for Spark.

Runs in the job's Python, beside its script.
"""

from __future__ import annotations
