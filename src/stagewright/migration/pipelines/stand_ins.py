"""Steps without a counterpart, and the approval stages that take their place."""

from __future__ import annotations

from stagewright.migration.converted import Stage
from stagewright.migration.pipelines.definition import Step

REMOTE = "sagemaker_remote_function_bootstrap"
NOTEBOOK = "amazon_sagemaker_scheduler"
REASONS = {
    "QualityCheck": (
        "the images of Model Monitor do not run here",
        "write a processing stage with `stagewright script drift.py` and a gate",
    ),
    "ClarifyCheck": (
        "the images of SageMaker Clarify do not run here",
        "write a processing stage with a script of your own and a gate",
    ),
    "EMR": ("there is no kind for EMR", "write a glue stage of the type spark, or a lambda stage"),
    "EMRServerless": ("there is no kind for EMR", "write a glue stage of the type spark, or a lambda stage"),
    "AutoML": ("there is no kind for Autopilot", "write a tuning stage"),
    "Fail": ("only a branch of a condition can consist of Fail", "put it into ElseSteps alone"),
}
"""Type of a step -> why it has no counterpart, and what to do."""
UNKNOWN = ("there is no kind for this type of step", "write a lambda stage")
MADE_BY = {
    REMOTE: ("@step keeps a Python function as a pickle", "write the function as a script"),
    NOTEBOOK: ("a notebook job has no script", "export the notebook as a script"),
}


def reason(step: Step) -> tuple[str, str] | None:
    """Why a step cannot be converted, whatever its arguments are. None if it can."""
    command = str((step.arguments.get("AlgorithmSpecification") or {}).get("ContainerEntrypoint") or "")
    if made := next((why for sign, why in MADE_BY.items() if sign in command), None):
        return made
    return REASONS.get(step.type)


def stand_in(step: Step) -> Stage:
    """A stage that waits until a person has done what the step did."""
    message = f"{step.name} ({step.type}) is not converted. Do its work, then approve; or replace this stage."
    return {"kind": "approval", "message": message}
