"""Approval: what a person is asked, and about which model package, whose status is looked at first."""

from __future__ import annotations

from stagewright.stages.approval.schema import Approval
from stagewright.stages.base.kind import Kind
from stagewright.stages.base.request import Requests, Setting
from stagewright.syntax.durations import seconds


def requests(stage: Approval, _setting: Setting) -> Requests:
    """The time is no part of it: more of it makes nobody's answer another one."""
    asked = {"Approval": {"message": stage.message, "package": stage.package or ""}}
    if not stage.package:
        return asked
    return {**asked, "DescribeModelPackage": {"ModelPackageName": stage.package}}


KIND = Kind(requests, lambda stage, _requests: seconds(stage.timeout), points=True)
