"""The one state machine of all pipelines: built in Python, printed as JSON."""

from __future__ import annotations
