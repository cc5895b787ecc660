"""Controls the schedule clock in tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from stagewright.naming import timestamp
from stagewright.operator_gateway import OperatorGateway
from stagewright.store.items import encode
from stagewright.store.trigger_state import TICK


@contextmanager
def ticks(gateway: OperatorGateway) -> Iterator[tuple[datetime, Callable[[], None]]]:
    """The rule is silent for a block, which gets the next minute and what ticks at it twice, as the first.

    Push first, then tick: a schedule does not fire for a minute that began before its push. `tick` waits for
    the minute.
    """
    events = gateway.session.client("events", endpoint_url=gateway.endpoint_url)
    rule = gateway.installation.name("tick")
    events.disable_rule(Name=rule)
    minute = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    event = {
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "time": timestamp(minute),
        "detail": {},
    }

    def tick() -> None:
        time.sleep(max(0.0, (minute - datetime.now(UTC)).total_seconds()))
        gateway.runs.client.delete_item(TableName=gateway.runs.table, Key=encode(TICK))
        gateway.queue.send_all([event, event])

    try:
        yield minute, tick
    finally:
        events.enable_rule(Name=rule)
