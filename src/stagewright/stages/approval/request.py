"""The requests of approval stages: the question, and DescribeModelPackage for the package it is about."""

from __future__ import annotations

from stagewright.stages.approval.schema import Approval
from stagewright.stages.base.request import BuildContext, Requests
from stagewright.stages.base.stage_request import StageRequest
from stagewright.syntax.durations import seconds


def build(stage: Approval, _context: BuildContext) -> Requests:
    """Return the question. The timeout is not part of it, so a new timeout does not repeat the question."""
    approval = {"Approval": {"message": stage.message, "package": stage.package or ""}}
    if not stage.package:
        return approval
    return {**approval, "DescribeModelPackage": {"ModelPackageName": stage.package}}


REQUEST = StageRequest(
    build,
    lambda stage, _requests: seconds(stage.timeout),
    history_events=15,
    machine_inputs=("Approval",),
    is_pointer=True,
    field_names=(
        (r"Approval\.(\w+)", r"\1"),
        (r"DescribeModelPackage\.ModelPackageName", "package"),
    ),
)
