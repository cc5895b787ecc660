"""Each job's own /opt/ml, and the end of everything it started."""

from __future__ import annotations
