"""The cooldown of a trigger: after a run that it started, it ignores further events for this period."""

from __future__ import annotations

from stagewright.document.triggers import AnyTrigger
from stagewright.gateway import Gateway
from stagewright.planner.model import Trigger
from stagewright.syntax.durations import seconds


def start(gateway: Gateway, pipeline: str, trigger: AnyTrigger, name: str, event: Trigger) -> bool:
    """Start the cooldown, if the trigger has one, at the event's time. False: an earlier one is not over.

    Repeating it with the same event changes nothing.
    """
    if not trigger.cooldown:
        return True
    return gateway.trigger_state.start_cooldown(
        pipeline, name, event.key, event.time, seconds(trigger.cooldown)
    )


def cancel(gateway: Gateway, pipeline: str, name: str, key: str) -> None:
    """End the cooldown that the event with this key started, because it starts no run.

    `name`: the trigger's; empty for a run that no trigger requested.
    """
    if name:
        gateway.trigger_state.cancel_cooldown(pipeline, name, key)
