"""Controls the schedule clock in tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from stagewright.naming import timestamp
from stagewright.operator_gateway import OperatorGateway
from stagewright.store.items import encode
from stagewright.store.trigger_state import TICK


@contextmanager
def ticks(gateway: OperatorGateway) -> Iterator[tuple[datetime, Callable[[], None]]]:
    """Its rule is silent for a block, which gets the time and what ticks at it twice, as if never before.

    A tick of the rule that is still under way is of that minute or an earlier one: so push first, then tick.
    """
    events = gateway.session.client("events", endpoint_url=gateway.endpoint_url)
    rule = gateway.installation.name("tick")
    events.disable_rule(Name=rule)
    now = datetime.now(UTC)
    event = {"source": "aws.events", "detail-type": "Scheduled Event", "time": timestamp(now), "detail": {}}

    def tick() -> None:
        gateway.runs.client.delete_item(TableName=gateway.runs.table, Key=encode(TICK))
        gateway.queue.send_all([event, event])

    try:
        yield now, tick
    finally:
        events.enable_rule(Name=rule)
