"""Lists of runs with work to be done after their claim or their end. The sweeper reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stagewright.aws.errors import translate_errors
from stagewright.naming import timestamp
from stagewright.store.items import Item, encode, encode_item, write_all
from stagewright.store.run_items import json_object
from stagewright.store.run_table import RunTable, expression_values

UNFINISHED = {"run": "unfinished"}
"""Partition key of the items of ended runs whose lease may not be released, or whose notice not sent."""
UNANNOUNCED = {"run": "unannounced"}
"""Partition key of the items of runs that bypass a control, and whose notice of it is not sent."""
UNCOUNTED = {"run": "uncounted"}
"""Partition key of the items of ended runs whose used time is not final."""
RUN = "run#"
USAGE = "usage"
"""Sort key of what a run used."""


@dataclass(frozen=True)
class RunMarks(RunTable):
    """Marks runs as unfinished, unannounced or uncounted, and removes the marks."""

    def is_unfinished(self, run: str) -> bool:
        """Return whether a run has ended and is not finished. Calls GetItem."""
        return self._is_marked(UNFINISHED, run)

    def unfinished(self) -> tuple[tuple[str, str], ...]:
        """Return (run, time of its last write in ISO 8601) of the unfinished runs. Calls Query."""
        return self._marked(UNFINISHED)

    def unannounced(self) -> tuple[tuple[str, str], ...]:
        """Return (run, time of its claim in ISO 8601) of the runs whose bypass is not announced.

        Calls Query.
        """
        return self._marked(UNANNOUNCED)

    def is_unannounced(self, run: str) -> bool:
        """Return whether a run bypasses a control, and its notice is not sent. Calls GetItem."""
        return self._is_marked(UNANNOUNCED, run)

    def mark_announced(self, run: str) -> None:
        """Record that the notice of a bypass is sent. Safe to repeat. Calls DeleteItem."""
        self._unmark(UNANNOUNCED, run)

    def uncounted(self) -> tuple[tuple[str, str], ...]:
        """Return (run, time of its end in ISO 8601) of the uncounted runs. Calls Query."""
        return self._marked(UNCOUNTED)

    def _is_marked(self, key: Mapping[str, str], run: str) -> bool:
        return self.get(key["run"], f"{RUN}{run}") is not None

    def _marked(self, key: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        return tuple((item["item"].removeprefix(RUN), item["since"]) for item in self.items(key["run"], RUN))

    def put_usage(self, run: str, usage: str, cost: str, *, final: bool) -> None:
        """Write what an ended run used and cost, as JSON. Calls TransactWriteItems.

        The run stays uncounted unless the numbers are `final`.
        """
        update: Any = {
            "TableName": self.table,
            "Key": encode({"run": run, "item": "run"}),
            "UpdateExpression": "SET cost = :cost",
            "ConditionExpression": "attribute_exists(#run)",
            "ExpressionAttributeNames": {"#run": "run"},
            "ExpressionAttributeValues": expression_values({":cost": cost}),
        }
        item = encode_item({"run": run, "item": USAGE, "stages": usage})
        put: Any = {"TableName": self.table, "Item": item}
        mark: Any = {"TableName": self.table, "Key": encode({**UNCOUNTED, "item": f"{RUN}{run}"})}
        with translate_errors("dynamodb", f"the run {run}"):
            actions: list[Any] = [{"Update": update}, {"Put": put}, *([{"Delete": mark}] if final else [])]
            write_all(self.client, actions)

    def stop_counting(self, run: str) -> None:
        """Take a run off the list of uncounted runs. Calls DeleteItem."""
        self._unmark(UNCOUNTED, run)

    def _unmark(self, key: Mapping[str, str], run: str) -> None:
        with translate_errors("dynamodb", f"the run {run}"):
            self.client.delete_item(TableName=self.table, Key=encode({**key, "item": f"{RUN}{run}"}))

    def usage(self, run: str) -> dict[str, Any]:
        """Return what `put_usage` wrote. Empty: nothing yet. Calls GetItem."""
        return json_object((self.get(run, USAGE) or {}).get("stages"))

    def finish(self, run: str) -> None:
        """Record that all that follows the end of a run is done. Safe to repeat. Calls DeleteItem."""
        self._unmark(UNFINISHED, run)


def mark(key: Mapping[str, str], run: str) -> Item:
    return {**key, "item": f"{RUN}{run}", "since": timestamp(datetime.now(UTC))}
