from __future__ import annotations

from hypothesis import HealthCheck, settings

pytest_plugins = (
    "tests.support.fork_server",
    "tests.support.command_line",
    "tests.support.installation",
    "tests.support.lanes",
    "tests.support.messages",
    "tests.support.model_server",
    "tests.support.state_machine",
    "tests.support.triggers",
)

BUSY = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}

# No test may fail because the machine is busy, or by an example that the next run does not try again: so the
# examples are the same each time. `pytest --hypothesis-profile=search` looks for others, and for many.
settings.register_profile("stagewright", max_examples=150, derandomize=True, **BUSY)
settings.register_profile("search", max_examples=5_000, **BUSY)
settings.load_profile("stagewright")
