"""The document as a whole: the root model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from stagewright.document.budget import Budget
from stagewright.document.lists import ItemList
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
    Whole,
)

STAGE_LIMIT = 2_000
"""The most stages of a document, and of a plan, in which each item of a list counts."""
MAX_CONCURRENCY = 20
"""Default of `max_concurrency`."""


class Pipeline(Model):
    """A named document: parameters, triggers, stages."""

    name: PipelineName
    """`house-price`: the pipeline's permanent name. Runs, results and endpoints carry it."""
    description: str = ""
    """Free text for readers of the document."""
    parameters: Mapping[Name, Annotated[Scalar, Accepts(known="plan", roots=INSTALLATION_ROOTS)]] = Field(
        default_factory=dict, max_length=1_000
    )
    """`{min_r2: 0.88}`: values that stages refer to as `${parameters.<name>}`. A trigger, or you when you
    start a run, may replace them for that run."""
    allowed_values: Mapping[Name, Annotated[tuple[Scalar, ...], Field(min_length=1, max_length=1_000)]] = (
        Field(default_factory=dict)
    )
    """`{size: [small, large]}`: the only values that a parameter may have, from any source. A parameter that
    chooses the code that runs needs such a list: in `image`, `entrypoint`, `function`, `job`, `model` or
    `request`."""
    lists: Mapping[Name, ItemList] = Field(default_factory=dict, max_length=50)
    """`{regions: {items: [eu, us]}}`: lists that stages name in `for_each`."""
    max_concurrency: Annotated[Whole, Field(ge=1, le=1_600)] = MAX_CONCURRENCY
    """The most stages of a run that run at the same time. The others wait in the state machine, without a
    cost."""
    partition: Annotated[str, Accepts(known="plan", roots=("parameters", "trigger"))] = "default"
    """`${trigger.date}`: separates results that must not mix, usually by the date of the data. A stage reuses
    results of its own partition only."""
    code: str = "code"
    """`code`: the folder of the code files, relative to the document. Only commands read it, not the router
    in AWS."""
    sample_data: Mapping[str, str] = Field(default_factory=dict)
    """`{raw/house-price/: data}`: bucket prefix -> local folder or file, relative to the document. `run` and
    `push` upload it to the local target only, so that an example works at once."""
    sample_functions: Mapping[str, str] = Field(default_factory=dict)
    """`{notify: functions/notify.py:handler}`: Lambda function -> `file.py:handler`, relative to the
    document. It replaces a function that `lambda` stages call, on the local target only."""
    concurrency: Literal["queue", "skip", "cancel-running"] = "queue"
    """What happens to a new run while another run of this pipeline is active. `queue`: it waits, and waiting
    runs start in the order of their events. `skip`: it does not run (`stagewright runs NAME --dropped` lists
    it). `cancel-running`: it stops the earlier runs, and starts when they have ended."""
    budget: Budget | None = None
    """A run is rejected before it starts if its plan exceeds this budget."""
    defaults: Defaults = Defaults()
    """Settings of every stage that does not set its own."""
    triggers: tuple[Trigger, ...] = ()
    """What starts a run. You can always start a run manually."""
    stages: Mapping[StageName, AnyStage] = Field(min_length=1, max_length=STAGE_LIMIT)
    """Stage name -> stage. References and `after` determine the order of execution, not the order here."""

    def list_of(self, name: str) -> str:
        """Return the list that a stage of a plan belongs to. Empty: it is not an instance of a list."""
        return self.stages[name].for_each or ""

    def trigger_for(self, trigger_filter: Mapping[str, Any]) -> AnyTrigger | None:
        """Return the trigger with this `filter`, or None if the document no longer has it."""
        return next((trigger for trigger in self.triggers if trigger.filter == trigger_filter), None)
