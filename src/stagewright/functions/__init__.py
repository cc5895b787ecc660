"""The Lambda handlers: router (events to runs), recorder (ends of runs), sweeper (repairs)."""

from __future__ import annotations
