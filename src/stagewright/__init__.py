"""Stagewright: a reusable MLOps framework for Amazon SageMaker.

How a change becomes a deployed model, in order:

1. A pipeline is a **document** (`document`): parameters, triggers, and stages that can be enabled and
   disabled. People write YAML (`document.file`); all later steps use JSON.
2. A push uploads the code files and then a **release manifest** (`runs.releases.push`). S3 sends an *Object
   Created* event for the manifest. A rule (`installation.rules`) sends it to a queue, which invokes the
   **router** (`functions.router`).
3. The router claims the event and makes a **run** of it (`runs.lifecycle`; read that module first). It reads
   the document from DynamoDB, records it as a numbered **revision**, and **plans** (`planner`): which stages
   run, which reuse an earlier result, which are skipped, why, and the exact AWS request of each. Then it
   starts the execution. A redelivery of the event starts no second run.
4. One **state machine** (`state_machine`) executes every plan. It reads the requests from DynamoDB, adds the
   values that exist only at run time, calls SageMaker, and records the **result** of each stage.
5. The **recorder** (`functions.recorder`) closes the run. The **sweeper** (`functions.sweeper`,
   `runs.reconcile`) repairs what a lost event left unfinished.

On a laptop the same artifacts run against a local server (`local`): the same state machine, function code,
event patterns and requests, with a SageMaker that runs the jobs as processes (`sagemaker_local`).

From Python, as from the command line (docs/python-api.md):

    import stagewright as sw

    run = sw.run("pipelines/house-price", parameters={"min_r2": 0.9}).wait()
    run.metrics, run.stages["train"].model
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

__version__ = "0.1.0"

PUBLIC = {
    **dict.fromkeys(("run", "plan", "push", "runs", "show", "predict"), "api.calls"),
    "close": "api.open_sessions",
    "Run": "api.run",
    "Runs": "api.run_list",
    "Stage": "api.stage",
    "Plan": "api.plan",
    "Prediction": "api.prediction",
    **dict.fromkeys(
        ("StagewrightError", "Problem", "DocumentError", "PlanError", "ReleaseError", "TargetError",
         "DeniedError", "NotFoundError", "RunFailedError", "JobEnvironmentError"),
        "errors",
    ),
}  # fmt: skip
"""Public name -> module. A module is imported at the first use of its name (PEP 562); __init__.pyi has the
types."""
__all__ = [*PUBLIC]


def __getattr__(name: str) -> object:
    if name == "runs":
        return import_module(f"{__name__}.{name}")
    if name in PUBLIC:
        return _public(name)
    raise AttributeError(f"module 'stagewright' has no attribute {name!r}")


def _public(name: str) -> object:
    # Its module is named by the table, not in the call: functions.zip has what calls of import_module name.
    return getattr(import_module(f"{__name__}.{PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *PUBLIC})


class _Runs(ModuleType):
    """The package `stagewright.runs`, which can be called as the function `runs`."""

    def __call__(self, *arguments: object, **options: object) -> object:
        """List runs, newest first. See `stagewright.api.calls.runs`."""
        return _public("runs")(*arguments, **options)


class _Package(ModuleType):
    """This package. An import of its subpackage `runs` would else replace the function of that name."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "runs" and isinstance(value, ModuleType):
            value.__class__ = _Runs
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
