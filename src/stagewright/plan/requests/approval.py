"""Approval: what a person is asked, and about which model package, whose status is looked at first."""

from __future__ import annotations

from stagewright.plan.requests.kind import Kind
from stagewright.plan.requests.setting import Requests, Setting
from stagewright.spec.duration import seconds
from stagewright.spec.kinds import Approval


def requests(stage: Approval, _setting: Setting) -> Requests:
    """The time is no part of it: more of it makes nobody's answer another one."""
    asked = {"Approval": {"message": stage.message, "package": stage.package or ""}}
    if not stage.package:
        return asked
    return {**asked, "DescribeModelPackage": {"ModelPackageName": stage.package}}


KIND = Kind(requests, lambda stage, _requests: seconds(stage.timeout), points=True)
