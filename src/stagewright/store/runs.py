"""Runs in the table `runs`: claims of trigger keys, run headers, plan pages, stages and their attempts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from stagewright.aws.errors import translate_errors
from stagewright.errors import TargetError
from stagewright.formats import FORMAT, ITEMS
from stagewright.naming import UNSUCCESSFUL, timestamp
from stagewright.parallel import run_parallel
from stagewright.planner.model import Trigger
from stagewright.store.items import (
    HASH_KEY,
    Item,
    decode_item,
    encode,
    encode_item,
    fitting,
    put_new,
    write_all,
    write_if,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH = 25
"""Items of one BatchWriteItem (DynamoDB API reference)."""
WRITE_ATTEMPTS = 8
WRITE_PAUSE = 0.05
"""Seconds, doubled each time. BatchWriteItem's API reference asks for exponential backoff."""
HEADER_FIELDS = (
    "pipeline",
    "partition",
    "status",
    "release",
    "revision",
    "plan",
    "execution",
    "created",
    "started",
    "ended",
    "reason",
    "options",
    "versions",
    "manifest",
    "barred",
    "currency",
    "prices_of",
    "cost",
)
"""Fields of the header that are attributes of the same name."""
WAITING = "WAITING"
"""The status of an approval stage that waits for a person."""
OPEN = frozenset({"QUEUED", "PLANNED", "RUNNING"})
"""The statuses of a run that has not ended."""
AWAITING = "awaiting"
"""The attribute `open` of an ended run whose model versions may wait for approval."""
UNFINISHED = {"run": "unfinished"}
"""Partition key of the items of ended runs whose lease may not be released, or whose notice not sent."""
UNANNOUNCED = {"run": "unannounced"}
"""Partition key of the items of runs that bypass a control, and whose notice of it is not sent."""
UNCOUNTED = {"run": "uncounted"}
"""Partition key of the items of ended runs whose used time is not final."""
RUN = "run#"
USAGE = "usage"
"""Sort key of what a run used."""
REJECTED = "rejected"
"""The attribute `open` of a rejected run. The index `open_runs` then lists rejected runs of all pipelines."""


@dataclass(frozen=True)
class Header:
    """The item `run`. Times are ISO 8601 UTC text, empty before they are known.

    `options` is JSON: the run options that a queued run is planned with. `versions` are the register stages,
    separated by commas, whose version waits for a person's approval. `manifest` is the version of the release
    manifest. `barred` are the people who may not approve what the run asks: `,ann,bob,`. `currency` and
    `prices_of` are those of the plan's prices. `cost` is JSON (`usage.RunCost`), empty until it is counted.
    """

    run: str
    pipeline: str
    status: str
    trigger: Trigger
    created: str
    partition: str = ""
    release: str = ""
    revision: int = 0
    plan: str = ""
    execution: str = ""
    started: str = ""
    ended: str = ""
    reason: str = ""
    options: str = ""
    versions: str = ""
    manifest: str = ""
    barred: str = ""
    currency: str = ""
    prices_of: str = ""
    cost: str = ""

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


@dataclass(frozen=True)
class StageItem:
    """The item `stage#<name>`: a stage that ran or did not run. `message` is the question of an approval."""

    name: str
    status: str
    result: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    started: str = ""
    ended: str = ""
    attempt: int = 0
    error: str = ""
    cause: str = ""
    run: str = ""
    job: str = ""
    message: str = ""


@dataclass(frozen=True)
class AttemptItem:
    """The item `attempt#<stage>#<attempt>`: a failed attempt that was retried."""

    stage: str
    attempt: int
    job: str
    error: str
    cause: str
    started: str
    ended: str


@dataclass(frozen=True)
class Runs:
    """Reads and writes runs. Reads are consistent, except those of an index."""

    client: DynamoDBClient
    table: str

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
            unfinished = [_mark(key, header.run) for key in marks]
            items = (claim, _header_item(header), *unfinished, *also)
            puts = [put_new(self.table, item) for item in items]
            return write_all(self.client, puts)

    def claimed(self, trigger_key: str) -> str | None:
        """Return the run that claimed the key, "" if its event was skipped, None if it is not claimed.

        Calls GetItem.
        """
        item = self._get(_claim_key(trigger_key), "claim")
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
        item = self._get(run, "run")
        return _header(item) if item else None

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
            "ExpressionAttributeValues": _values(values | allowed),
        }
        with translate_errors("dynamodb", f"the run {run}"):
            if "#open" not in names:
                return write_if(self.client.update_item, **request) is not None
            marks = [UNFINISHED, *([UNCOUNTED] if changes.get("execution") else [])]
            items = [encode_item(_mark(key, run)) for key in marks]
            puts: Any = [{"Put": {"TableName": self.table, "Item": item}} for item in items]
            return write_all(self.client, [{"Update": request}, *puts])

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
        return self._get(key["run"], f"{RUN}{run}") is not None

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
            "ExpressionAttributeValues": _values({":cost": cost}),
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
        return _json_object((self._get(run, USAGE) or {}).get("stages"))

    def finish(self, run: str) -> None:
        """Record that all that follows the end of a run is done. Safe to repeat. Calls DeleteItem."""
        self._unmark(UNFINISHED, run)

    def put_all(self, items: Iterable[Item]) -> None:
        """Put all items, replacing existing ones. Calls BatchWriteItem, several in parallel.

        Raises TargetError if DynamoDB leaves items unprocessed eight times.
        """
        rest = iter(items)
        run_parallel(self._put_batch, iter(lambda: list(islice(rest, BATCH)), []))

    def items(self, run: str, prefix: str) -> Iterator[dict[str, Any]]:
        """Yield the items of the run whose sort key starts with `prefix`, in key order. Calls Query."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="#run = :run AND begins_with(#item, :prefix)",
            ExpressionAttributeNames={"#run": "run", "#item": "item"},
            ExpressionAttributeValues=encode({":run": run, ":prefix": prefix}),
            ConsistentRead=True,
        )
        with translate_errors("dynamodb", f"the run {run}"):
            for page in pages:
                yield from map(decode_item, page["Items"])

    def stage(self, run: str, name: str) -> StageItem | None:
        """Return a recorded stage, or None if the run has recorded none of this name. Calls GetItem."""
        item = self._get(run, f"stage#{name}")
        return _stage(item) if item else None

    def stages(self, run: str) -> dict[str, StageItem]:
        """Return the recorded stages of a run by name. Calls Query."""
        stages = (_stage(item) for item in self.items(run, "stage#"))
        return {stage.name: stage for stage in stages}

    def attempts(self, run: str) -> Iterator[AttemptItem]:
        """Yield the failed attempts of stages that were retried, in order. Calls Query."""
        for item in self.items(run, "attempt#"):
            stage, _, number = item["item"].removeprefix("attempt#").partition("#")
            texts = {name: str(item.get(name, "")) for name in ("job", "error", "cause", "started", "ended")}
            yield AttemptItem(stage, int(number), **texts)

    def put_stage_if_absent(self, run: str, stage: StageItem) -> bool:
        """Record status, end and cause of a stage that the state machine did not record. Calls UpdateItem.

        Return False and change nothing if the stage is recorded, unless it still waits for an approval.
        """
        values: dict[str, str | int] = {
            "status": stage.status,
            "ended": stage.ended,
            "cause": stage.cause,
            FORMAT: ITEMS["stage"],
        }
        with translate_errors("dynamodb", f"the stage {stage.name} of {run}"):
            response = write_if(
                self.client.update_item,
                TableName=self.table,
                Key=encode({"run": run, "item": f"stage#{stage.name}"}),
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
                ConditionExpression="attribute_not_exists(#run) OR #status = :waiting",
                ExpressionAttributeNames={f"#{name}": name for name in (*values, "run")},
                ExpressionAttributeValues=_values(
                    {":waiting": WAITING} | {f":{name}": value for name, value in values.items()}
                ),
            )
        return response is not None

    def good_results(self, pipeline: str, partition: str, stage: str, limit: int) -> tuple[StageItem, ...]:
        """Return the newest good results of a stage, newest first.

        Calls Query (index `by_stage`, eventually consistent).
        """
        key = f"{pipeline}#{partition}#{stage}"
        return tuple(map(_stage, self._newest("by_stage", "stage_key", key, limit)))

    def unsuccessful(self, pipeline: str, partition: str, stage: str, limit: int) -> tuple[StageItem, ...]:
        """Return the newest records of a stage that failed or closed, newest first. As `good_results`."""
        return self.good_results(pipeline, partition, f"{stage}{UNSUCCESSFUL}", limit)

    def of_pipeline(self, pipeline: str, limit: int) -> tuple[Header, ...]:
        """Return the newest runs of a pipeline, newest first. Calls Query (index `by_pipeline`)."""
        return tuple(map(_header, self._newest("by_pipeline", "pipeline", pipeline, limit)))

    def open_runs(self, limit: int) -> tuple[Header, ...]:
        """Return the runs that have not ended, oldest first. Calls Query (index `open_runs`)."""
        return tuple(map(_header, self._newest("open_runs", "open", "yes", limit, forward=True)))

    def awaiting(self, limit: int) -> tuple[Header, ...]:
        """Return the newest ended runs whose model versions may wait for approval, newest first.

        Calls Query (index `open_runs`).
        """
        return tuple(map(_header, self._newest("open_runs", "open", AWAITING, limit)))

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
                ExpressionAttributeValues=_values({":awaiting": AWAITING}),
            )

    def put_if_absent(self, item: Item) -> dict[str, Any]:
        """Put an item unless it exists. Return the stored one. Calls PutItem and GetItem."""
        with translate_errors("dynamodb", f"{item['item']} of {item['run']}"):
            write_if(
                self.client.put_item,
                TableName=self.table,
                Item=encode_item(item),
                ConditionExpression="attribute_not_exists(#run)",
                ExpressionAttributeNames={"#run": "run"},
            )
        return self._get(str(item["run"]), str(item["item"])) or {}

    def rejected(self, limit: int) -> tuple[Header, ...]:
        """Return the newest rejected runs, newest first, also of pipelines without a document.

        Calls Query (index `open_runs`).
        """
        return tuple(map(_header, self._newest("open_runs", "open", REJECTED, limit)))

    def _newest(
        self, index: str, name: str, value: str, limit: int, *, forward: bool = False
    ) -> Sequence[dict[str, Any]]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName=index,
            KeyConditionExpression="#key = :key",
            ExpressionAttributeNames={"#key": name},
            ExpressionAttributeValues=encode({":key": value}),
            ScanIndexForward=forward,
            PaginationConfig={"MaxItems": limit, "PageSize": limit},
        )
        with translate_errors("dynamodb", f"{name} {value}"):
            return [decode_item(item) for page in pages for item in page["Items"]]

    def _get(self, run: str, item: str) -> dict[str, Any] | None:
        with translate_errors("dynamodb", f"the run {run}"):
            answer = self.client.get_item(
                TableName=self.table, Key=encode({"run": run, "item": item}), ConsistentRead=True
            )
        return decode_item(answer["Item"]) if "Item" in answer else None

    def _put_batch(self, items: Sequence[Item]) -> None:
        requests: Sequence[Any] = [{"PutRequest": {"Item": encode_item(item)}} for item in items]
        with translate_errors("dynamodb", "the plan's items"):
            for attempt in range(WRITE_ATTEMPTS):
                time.sleep(WRITE_PAUSE * (2**attempt - 1))
                answer = self.client.batch_write_item(RequestItems={self.table: requests})
                requests = answer.get("UnprocessedItems", {}).get(self.table, [])
                if not requests:
                    return
        raise TargetError(
            f"DynamoDB left {len(requests)} items of a plan unwritten after {WRITE_ATTEMPTS} attempts",
            "try again",
        )


def _mark(key: Mapping[str, str], run: str) -> Item:
    return {**key, "item": f"{RUN}{run}", "since": timestamp(datetime.now(UTC))}


def _claim_key(trigger_key: str) -> str:
    return fitting(f"trigger#{trigger_key}", HASH_KEY)


def _values(values: Mapping[str, str | int]) -> dict[str, Any]:
    """Encode the values of an expression. Unlike `encode` this keeps empty text."""
    return {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in values.items()
    }


def _header_item(header: Header) -> Item:
    item: dict[str, str | int] = {
        "run": header.run,
        "item": "run",
        "trigger": json.dumps(header.trigger.to_json(), sort_keys=True),
    }
    item |= {name: getattr(header, name) for name in HEADER_FIELDS}
    listed_as = "yes" if header.is_open else REJECTED if header.status == "REJECTED" else ""
    return item | ({"open": listed_as} if listed_as else {})


def _header(item: Mapping[str, Any]) -> Header:
    optional = (
        "partition", "release", "plan", "execution", "started", "ended", "reason", "options", "versions",
        "manifest", "barred", "currency", "prices_of", "cost",
    )  # fmt: skip
    return Header(
        run=item["run"],
        pipeline=item["pipeline"],
        status=item["status"],
        trigger=Trigger.from_json(json.loads(item["trigger"])),
        created=item["created"],
        revision=int(item.get("revision", 0)),
        **{name: item.get(name, "") for name in optional},
    )


def _stage(item: Mapping[str, Any]) -> StageItem:
    texts = ("fingerprint", "started", "ended", "error", "cause", "run", "job", "message")
    return StageItem(
        name=item["item"].removeprefix("stage#"),
        status=item["status"],
        result=_json_object(item.get("result")),
        inputs=_json_object(item.get("inputs")),
        attempt=int(item.get("attempt", 0)),
        **{name: str(item.get(name, "")) for name in texts},
    )


def _json_object(text: str | None) -> dict[str, Any]:
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {}
