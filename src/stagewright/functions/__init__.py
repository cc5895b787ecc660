"""The Lambda functions: router (events to runs), recorder (ends of runs), sweeper (what was missed)."""

from __future__ import annotations
