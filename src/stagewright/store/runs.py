"""Items of the table `runs`: headers, claims, plan pages, stages."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from stagewright.aws.errors import code_of, translated
from stagewright.errors import TargetError
from stagewright.parallel import run_parallel
from stagewright.planner.model import Trigger
from stagewright.store import items as transactions
from stagewright.store.items import HASH_KEY, Item, decode, encode, fitting

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH = 25
"""Items of one BatchWriteItem (its API reference)."""
WRITE_ATTEMPTS = 8
WRITE_PAUSE = 0.05
"""Seconds, doubled each time: BatchWriteItem's API reference asks for an exponential backoff."""
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
)
"""Attributes of the item `run` that are the header's as they stand; `run` and `trigger` are apart."""
WAITING = "WAITING"
"""The status of a stage that has asked a person, and has no answer."""
OPEN = frozenset({"QUEUED", "PLANNED", "RUNNING"})
"""The statuses of a run that has not ended."""
REFUSED = "refused"
"""The attribute `open` of a run that was refused: so the index has these, too, whatever their pipelines."""


@dataclass(frozen=True)
class Header:
    """The item `run`. Times are ISO 8601 UTC text; empty text where there is none yet.

    `options`: JSON of the run options that a queued run is planned with.
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

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


@dataclass(frozen=True)
class StageItem:
    """The item `stage#<name>`, or what is kept of a stage that does not run. `message`: what people are
    asked."""

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
    """The item `attempt#<stage>#<attempt>`: one that failed, and was followed by another."""

    stage: str
    attempt: int
    job: str
    error: str
    cause: str
    started: str
    ended: str


@dataclass(frozen=True)
class Runs:
    client: DynamoDBClient
    table: str

    def claim(self, header: Header, *also: Item) -> bool:
        """Claims the trigger's key, puts the header and more items, all or none; False where one is there."""
        claim: Item = {"run": _claim_key(header.trigger.key), "item": "claim", "run_id": header.run}
        with translated("dynamodb", f"the run {header.run}"):
            puts = [transactions.new(self.table, item) for item in (claim, _header_item(header), *also)]
            return transactions.write(self.client, puts)

    def claimed(self, trigger_key: str) -> str | None:
        """The run that claimed the key; empty where its event was dropped, None where nobody has decided."""
        item = self._get(_claim_key(trigger_key), "claim")
        return str(item.get("run_id", "")) if item else None

    def mark_skipped(self, trigger_key: str) -> None:
        """Claims the key for no run: its event starts none, however often it comes."""
        with translated("dynamodb", f"the trigger {trigger_key}"):
            try:
                self.client.put_item(
                    TableName=self.table,
                    Item=encode({"run": _claim_key(trigger_key), "item": "claim"}),
                    ConditionExpression="attribute_not_exists(#run)",
                    ExpressionAttributeNames={"#run": "run"},
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise

    def header(self, run: str) -> Header | None:
        item = self._get(run, "run")
        return _header(item) if item else None

    def is_open(self, run: str) -> bool:
        header = self.header(run)
        return header is not None and header.is_open

    def transition(self, run: str, sources: Iterable[str], changes: Mapping[str, str | int]) -> bool:
        """Changes the header where its status is one of `sources`; False where it is not, or there is none.

        A status that closes the run takes it off the open ones of the index `open_runs`.
        """
        names = {f"#{name}": name for name in changes} | {"#status": "status"}
        values = {f":{name}": value for name, value in changes.items()}
        allowed = {f":from{position}": source for position, source in enumerate(sources)}
        update = "SET " + ", ".join(f"#{name} = :{name}" for name in changes)
        if (status := str(changes.get("status", "RUNNING"))) not in OPEN:
            names["#open"] = "open"
            update += ", #open = :open" if status == "REFUSED" else " REMOVE #open"
            values |= {":open": REFUSED} if status == "REFUSED" else {}
        with translated("dynamodb", f"the run {run}"):
            try:
                self.client.update_item(
                    TableName=self.table,
                    Key=encode({"run": run, "item": "run"}),
                    UpdateExpression=update,
                    ConditionExpression=f"#status IN ({', '.join(allowed)})",
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=_values(values | allowed),
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True

    def put_all(self, items: Iterable[Item]) -> None:
        """Writes all items, some at a time side by side; writing the same again changes nothing."""
        rest = iter(items)
        run_parallel(self._put_batch, iter(lambda: list(islice(rest, BATCH)), []))

    def items(self, run: str, prefix: str) -> Iterator[dict[str, Any]]:
        """Every item of the run whose key starts with `prefix`, in key order."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="#run = :run AND begins_with(#item, :prefix)",
            ExpressionAttributeNames={"#run": "run", "#item": "item"},
            ExpressionAttributeValues=encode({":run": run, ":prefix": prefix}),
            ConsistentRead=True,
        )
        with translated("dynamodb", f"the run {run}"):
            for page in pages:
                yield from map(decode, page["Items"])

    def stage(self, run: str, name: str) -> StageItem | None:
        item = self._get(run, f"stage#{name}")
        return _stage(item) if item else None

    def attempts(self, run: str) -> Iterator[AttemptItem]:
        """The attempts of stages that were tried again, in their order."""
        for item in self.items(run, "attempt#"):
            stage, _, number = item["item"].removeprefix("attempt#").partition("#")
            texts = {name: str(item.get(name, "")) for name in ("job", "error", "cause", "started", "ended")}
            yield AttemptItem(stage, int(number), **texts)

    def stages(self, run: str) -> dict[str, StageItem]:
        found = (_stage(item) for item in self.items(run, "stage#"))
        return {stage.name: stage for stage in found}

    def put_stage_if_absent(self, run: str, stage: StageItem) -> bool:
        """For stages whose end the state machine never recorded: there is no item, or one that waits."""
        values = {"status": stage.status, "ended": stage.ended, "cause": stage.cause}
        with translated("dynamodb", f"the stage {stage.name} of {run}"):
            try:
                self.client.update_item(
                    TableName=self.table,
                    Key=encode({"run": run, "item": f"stage#{stage.name}"}),
                    UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
                    ConditionExpression="attribute_not_exists(#run) OR #status = :waiting",
                    ExpressionAttributeNames={f"#{name}": name for name in (*values, "run")},
                    ExpressionAttributeValues=_values({f":{name}": text for name, text in values.items()})
                    | {":waiting": {"S": WAITING}},
                )
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True

    def good_results(self, pipeline: str, partition: str, stage: str, limit: int) -> tuple[StageItem, ...]:
        """The newest good results of a stage, newest first (index by_stage, eventually consistent)."""
        key = f"{pipeline}#{partition}#{stage}"
        return tuple(map(_stage, self._newest("by_stage", "stage_key", key, limit)))

    def of_pipeline(self, pipeline: str, limit: int) -> tuple[Header, ...]:
        """The newest headers of a pipeline, newest first (index by_pipeline)."""
        return tuple(map(_header, self._newest("by_pipeline", "pipeline", pipeline, limit)))

    def open_runs(self, limit: int) -> tuple[Header, ...]:
        """Headers of runs that have not ended, oldest first (index open_runs)."""
        return tuple(map(_header, self._newest("open_runs", "open", "yes", limit, forward=True)))

    def refused(self, limit: int) -> tuple[Header, ...]:
        """The newest headers of runs that were refused, newest first, also of pipelines that nobody has."""
        return tuple(map(_header, self._newest("open_runs", "open", REFUSED, limit)))

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
        with translated("dynamodb", f"{name} {value}"):
            return [decode(item) for page in pages for item in page["Items"]]

    def _get(self, run: str, item: str) -> dict[str, Any] | None:
        with translated("dynamodb", f"the run {run}"):
            answer = self.client.get_item(
                TableName=self.table, Key=encode({"run": run, "item": item}), ConsistentRead=True
            )
        return decode(answer["Item"]) if "Item" in answer else None

    def _put_batch(self, items: Sequence[Item]) -> None:
        requests: Sequence[Any] = [{"PutRequest": {"Item": encode(item)}} for item in items]
        with translated("dynamodb", "the plan's items"):
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


def _claim_key(trigger_key: str) -> str:
    return fitting(f"trigger#{trigger_key}", HASH_KEY)


def _values(values: Mapping[str, str | int]) -> dict[str, Any]:
    """Unlike `encode`, keeps empty text: an update expression needs each of its values."""
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
    standing = "yes" if header.is_open else REFUSED if header.status == "REFUSED" else ""
    return item | ({"open": standing} if standing else {})


def _header(item: Mapping[str, Any]) -> Header:
    texts = {name: item.get(name, "") for name in ("partition", "release", "plan", "execution")}
    times = {name: item.get(name, "") for name in ("started", "ended", "reason", "options")}
    return Header(
        run=item["run"],
        pipeline=item["pipeline"],
        status=item["status"],
        trigger=Trigger.from_json(json.loads(item["trigger"])),
        created=item["created"],
        revision=int(item.get("revision", 0)),
        **texts,
        **times,
    )


def _stage(item: Mapping[str, Any]) -> StageItem:
    return StageItem(
        name=item["item"].removeprefix("stage#"),
        status=item["status"],
        result=_json(item.get("result")),
        inputs=_json(item.get("inputs")),
        attempt=int(item.get("attempt", 0)),
        **{
            name: str(item.get(name, ""))
            for name in ("fingerprint", "started", "ended", "error", "cause", "run", "job", "message")
        },
    )


def _json(text: str | None) -> dict[str, Any]:
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {}
