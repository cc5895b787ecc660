"""What the conditions of several policies share."""

from __future__ import annotations

RUN_IDS = "*-????????t??????-??????"
"""Partition keys of the table `runs` that are ids of runs, not claims, queues, endpoints or trigger state."""
