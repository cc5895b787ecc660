"""Runs commands with a folder at /opt/ml, and ends everything that they start."""

from __future__ import annotations
