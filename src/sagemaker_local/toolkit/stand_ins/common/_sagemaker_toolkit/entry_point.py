"""What scripts use of the toolkit's runner."""

from __future__ import annotations


def _wait_hostname_resolution(hosts: list[str] | None = None) -> None:
    """Return at once: the job's hosts have names from the start."""
