"""What happens to an event: from a message to a run, and to the run's end. Start with `lifecycle`."""

from __future__ import annotations
