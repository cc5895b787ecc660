"""Approval: what a person is asked, and about which model package, whose status is looked at first."""

from __future__ import annotations

from stagewright.stages.approval.schema import Approval
from stagewright.stages.base.request import BuildContext, Requests
from stagewright.stages.base.stage_request import StageRequest
from stagewright.syntax.durations import seconds


def build(stage: Approval, _context: BuildContext) -> Requests:
    """The time is no part of it: more of it makes nobody's answer another one."""
    asked = {"Approval": {"message": stage.message, "package": stage.package or ""}}
    if not stage.package:
        return asked
    return {**asked, "DescribeModelPackage": {"ModelPackageName": stage.package}}


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
