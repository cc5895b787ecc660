"""The document as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from stagewright.document.budget import Budget
from stagewright.document.triggers import AnyTrigger, Trigger
from stagewright.stages.base.schema import Defaults
from stagewright.stages.registry import AnyStage
from stagewright.syntax.fields import (
    INSTALLATION_ROOTS,
    Accepts,
    Model,
    Name,
    PipelineName,
    Scalar,
    StageName,
)


def find_trigger(pipeline: Pipeline, listens: Mapping[str, Any]) -> AnyTrigger | None:
    """The document's trigger that listens to this; None where it has none any more."""
    return next((trigger for trigger in pipeline.triggers if trigger.filter == listens), None)


STAGE_LIMIT = 2_000


class Pipeline(Model):
    """A named document: parameters, triggers, stages."""

    name: PipelineName
    """Names the pipeline for ever: runs, results and the endpoint carry it."""
    description: str = ""
    """For people."""
    parameters: Mapping[Name, Annotated[Scalar, Accepts(known="plan", roots=INSTALLATION_ROOTS)]] = Field(
        default_factory=dict
    )
    """Values that stages refer to as ${parameters.<name>}; a trigger may give others for a run."""
    partition: Annotated[str, Accepts(known="plan", roots=("parameters", "trigger"))] = "default"
    """Separates results that must not mix, usually the data's date."""
    code: str = "code"
    """Folder of the code files, relative to the document. Used where the files are, not in AWS."""
    sample_data: Mapping[str, str] = Field(default_factory=dict)
    """Bucket prefix -> local folder or file, relative to the document: uploaded by `run` and `push` to the
    local target only, so that an example works at once."""
    sample_functions: Mapping[str, str] = Field(default_factory=dict)
    """Lambda function -> `file.py:handler`, relative to the document: stands for a function that `lambda`
    stages call, on the local target only."""
    concurrency: Literal["queue", "skip", "cancel-running"] = "queue"
    """What becomes of a run that is to start while another of this pipeline goes on. `queue`: it waits; all
    that wait run, in the order of their events. `skip`: it is dropped (`stagewright runs NAME --dropped`).
    `cancel-running`: it stops the runs before it, and starts when they have ended."""
    budget: Budget | None = None
    """A run whose plan may cost more is refused before it starts."""
    defaults: Defaults = Defaults()
    """Used by every stage that does not say otherwise."""
    triggers: tuple[Trigger, ...] = ()
    """What starts a run. A run can always be asked for by hand."""
    stages: Mapping[StageName, AnyStage] = Field(min_length=1, max_length=STAGE_LIMIT)
    """Stage name -> stage. The order of running follows from references and `after`, not from this order."""
