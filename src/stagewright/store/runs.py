"""Runs in the table `runs`: claims of trigger keys, headers and their transitions, and lists of runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stagewright.aws.errors import translate_errors
from stagewright.store.items import HASH_KEY, Item, encode, encode_item, fitting, put_new, write_all, write_if
from stagewright.store.run_items import OPEN, REJECTED, Header, header_item, header_of
from stagewright.store.run_marks import UNANNOUNCED, UNCOUNTED, UNFINISHED, RunMarks, mark
from stagewright.store.run_stages import RunStages
from stagewright.store.run_table import expression_values

AWAITING = "awaiting"
"""The attribute `open` of an ended run whose model versions may wait for approval."""


@dataclass(frozen=True)
class Runs(RunMarks, RunStages):
    """Reads and writes runs. Reads are consistent, except those of an index."""

    def claim(self, header: Header, *also: Item) -> bool:
        """Claim the trigger key, and put the header and more items, in one TransactWriteItems.

        A run that has ended already is unfinished, until `finish`. A run that bypasses a control is
        unannounced, until `mark_announced`.

        Return False and write nothing if the key is claimed or one of the items exists.
        """
        claim: Item = {"run": _claim_key(header.trigger.key), "item": "claim", "run_id": header.run}
        with translate_errors("dynamodb", f"the run {header.run}"):
            marks = [UNANNOUNCED] if header.is_open and header.trigger.bypass else []
            marks += [] if header.is_open else [UNFINISHED]
            unfinished = [mark(key, header.run) for key in marks]
            items = (claim, header_item(header), *unfinished, *also)
            puts = [put_new(self.table, item) for item in items]
            return write_all(self.client, puts)

    def claimed(self, trigger_key: str) -> str | None:
        """Return the run that claimed the key, "" if its event was skipped, None if it is not claimed.

        Calls GetItem.
        """
        item = self.get(_claim_key(trigger_key), "claim")
        return str(item.get("run_id", "")) if item else None

    def mark_skipped(self, trigger_key: str) -> None:
        """Claim the key for no run, so that redeliveries start none. Does nothing if it is claimed.

        Calls PutItem.
        """
        with translate_errors("dynamodb", f"the trigger {trigger_key}"):
            write_if(
                self.client.put_item,
                TableName=self.table,
                Item=encode_item({"run": _claim_key(trigger_key), "item": "claim"}),
                ConditionExpression="attribute_not_exists(#run)",
                ExpressionAttributeNames={"#run": "run"},
            )

    def header(self, run: str) -> Header | None:
        """Return the header, or None if there is no such run. Calls GetItem."""
        item = self.get(run, "run")
        return header_of(item) if item else None

    def is_open(self, run: str) -> bool:
        header = self.header(run)
        return header is not None and header.is_open

    def transition(
        self, run: str, sources: Iterable[str], changes: Mapping[str, str | int], *, awaiting: bool = False
    ) -> bool:
        """Change the header if its status is one of `sources`. Calls UpdateItem.

        Return False and change nothing otherwise. A status that ends the run makes it unfinished, in the same
        TransactWriteItems, until `finish`, and an executed run uncounted, until `put_usage`. It takes the run
        off the index `open_runs`; REJECTED moves it to the rejected runs of that index, `awaiting` to the
        runs whose model versions may wait for approval.
        """
        names = {f"#{name}": name for name in changes} | {"#status": "status"}
        values = {f":{name}": value for name, value in changes.items()}
        allowed = {f":from{position}": source for position, source in enumerate(sources)}
        update = "SET " + ", ".join(f"#{name} = :{name}" for name in changes)
        if (status := str(changes.get("status", "RUNNING"))) not in OPEN:
            listed_as = REJECTED if status == "REJECTED" else AWAITING if awaiting else ""
            names["#open"] = "open"
            update += ", #open = :open" if listed_as else " REMOVE #open"
            values |= {":open": listed_as} if listed_as else {}
        request: Any = {
            "TableName": self.table,
            "Key": encode({"run": run, "item": "run"}),
            "UpdateExpression": update,
            "ConditionExpression": f"#status IN ({', '.join(allowed)})",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": expression_values(values | allowed),
        }
        with translate_errors("dynamodb", f"the run {run}"):
            if "#open" not in names:
                return write_if(self.client.update_item, **request) is not None
            marks = [UNFINISHED, *([UNCOUNTED] if changes.get("execution") else [])]
            items = [encode_item(mark(key, run)) for key in marks]
            puts: Any = [{"Put": {"TableName": self.table, "Item": item}} for item in items]
            return write_all(self.client, [{"Update": request}, *puts])

    def of_pipeline(self, pipeline: str, limit: int) -> tuple[Header, ...]:
        """Return the newest runs of a pipeline, newest first. Calls Query (index `by_pipeline`)."""
        return tuple(map(header_of, self.newest("by_pipeline", "pipeline", pipeline, limit)))

    def open_runs(self, limit: int) -> tuple[Header, ...]:
        """Return the runs that have not ended, oldest first. Calls Query (index `open_runs`)."""
        return tuple(map(header_of, self.newest("open_runs", "open", "yes", limit, forward=True)))

    def awaiting(self, limit: int) -> tuple[Header, ...]:
        """Return the newest ended runs whose model versions may wait for approval, newest first.

        Calls Query (index `open_runs`).
        """
        return tuple(map(header_of, self.newest("open_runs", "open", AWAITING, limit)))

    def stop_awaiting(self, run: str) -> None:
        """Take an ended run off the list of `awaiting`. Does nothing if it is not on it. Calls UpdateItem."""
        with translate_errors("dynamodb", f"the run {run}"):
            write_if(
                self.client.update_item,
                TableName=self.table,
                Key=encode({"run": run, "item": "run"}),
                UpdateExpression="REMOVE #open",
                ConditionExpression="#open = :awaiting",
                ExpressionAttributeNames={"#open": "open"},
                ExpressionAttributeValues=expression_values({":awaiting": AWAITING}),
            )

    def rejected(self, limit: int) -> tuple[Header, ...]:
        """Return the newest rejected runs, newest first, also of pipelines without a document.

        Calls Query (index `open_runs`).
        """
        return tuple(map(header_of, self.newest("open_runs", "open", REJECTED, limit)))


def _claim_key(trigger_key: str) -> str:
    return fitting(f"trigger#{trigger_key}", HASH_KEY)
