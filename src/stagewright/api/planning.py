"""Plan a run that a person requests."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stagewright.naming import timestamp

if TYPE_CHECKING:
    from stagewright.api.source import Source
    from stagewright.api.target import Session
    from stagewright.document.layers import Effective
    from stagewright.planner.model import Plan, Trigger
    from stagewright.planner.release import Release
    from stagewright.planner.selection import Selection
    from stagewright.syntax.fields import Scalar


def plan_run(
    session: Session,
    release: Release,
    document: Effective,
    trigger: Trigger,
    force: bool = False,
    folder: Path | None = None,
) -> Plan:
    """Plan of a run that starts now. `folder`: of the document, whose repository has the prices.

    Without it, or without a file of prices there, the prices are those of the target.
    """
    from stagewright.api import price_file
    from stagewright.runs import prices as price_store
    from stagewright.runs.plan_inputs.load import make_plan

    gateway = session.gateway
    own = price_file.of_repository(session, folder) if folder else None
    current, warnings = (own, ()) if own else price_store.read(gateway)
    settings = gateway.job_settings()
    plan = make_plan(gateway, document, trigger, release, 0, settings, force=force, prices=current)
    return replace(plan, warnings=(*plan.warnings, *warnings))


def manual_trigger(parameters: Mapping[str, Scalar], selection: Selection, date: str = "") -> Trigger:
    from stagewright.api.launch import user
    from stagewright.planner.model import Trigger

    key, now = f"manual:{uuid.uuid4()}", timestamp(datetime.now(UTC))
    return Trigger("manual", key, now, user(), parameters, date=date, **vars(selection))


def release_of(source: Source) -> Release:
    """Release that a push of these files would create. Its object versions are not known yet."""
    from stagewright.planner.release import CodeFile, Release

    files = {
        path: CodeFile(hashlib.sha256(body).hexdigest(), size=len(body))
        for path, body in source.files.items()
    }
    return Release(source.pipeline.name, files)
