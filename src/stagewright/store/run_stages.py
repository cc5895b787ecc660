"""What a run recorded of its stages, and the newest results of a stage in all runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stagewright.aws.errors import translate_errors
from stagewright.formats import FORMAT, ITEMS
from stagewright.naming import UNSUCCESSFUL
from stagewright.store.items import encode, write_if
from stagewright.store.run_items import WAITING, AttemptItem, StageItem, stage_of
from stagewright.store.run_table import RunTable, expression_values


@dataclass(frozen=True)
class RunStages(RunTable):
    """Reads recorded stages, and records those that the state machine did not."""

    def stage(self, run: str, name: str) -> StageItem | None:
        """Return a recorded stage, or None if the run has recorded none of this name. Calls GetItem."""
        item = self.get(run, f"stage#{name}")
        return stage_of(item) if item else None

    def stages(self, run: str) -> dict[str, StageItem]:
        """Return the recorded stages of a run by name. Calls Query."""
        stages = (stage_of(item) for item in self.items(run, "stage#"))
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
                ExpressionAttributeValues=expression_values(
                    {":waiting": WAITING} | {f":{name}": value for name, value in values.items()}
                ),
            )
        return response is not None

    def good_results(self, pipeline: str, partition: str, stage: str, limit: int) -> tuple[StageItem, ...]:
        """Return the newest good results of a stage, newest first.

        Calls Query (index `by_stage`, eventually consistent).
        """
        key = f"{pipeline}#{partition}#{stage}"
        return tuple(map(stage_of, self.newest("by_stage", "stage_key", key, limit)))

    def unsuccessful(self, pipeline: str, partition: str, stage: str, limit: int) -> tuple[StageItem, ...]:
        """Return the newest records of a stage that failed or closed, newest first. As `good_results`."""
        return self.good_results(pipeline, partition, f"{stage}{UNSUCCESSFUL}", limit)
