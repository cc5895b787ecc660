"""The sweeper: repairs what was missed. EventBridge's rule `sweep` invokes it every five minutes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.functions import environment
from stagewright.runs.reconcile import PATIENCE, reconcile


def handler(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """Sweep once. The event `{"detail": {"patience": 0}}` also repairs what has just happened."""
    patience = (event.get("detail") or {}).get("patience", PATIENCE)
    return {"repairs": len(reconcile(environment.runtime(context), float(patience)))}
