"""The state machine that runs every pipeline. Python builds it and prints it as JSON."""

from __future__ import annotations
