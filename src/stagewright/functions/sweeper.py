"""."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.functions import environment
from stagewright.runs.reconcile import PATIENCE, sweep


def handler(event: Mapping[str, Any], context: Any) -> dict[str, int]:
    """The schedule's event says nothing; `{"detail": {"patience": 0}}` is for whoever knows that nothing is
    under way, or will not wait."""
    place = environment.installation(context)
    patience = (event.get("detail") or {}).get("patience", PATIENCE)
    return {"repairs": len(sweep(environment.gateway(place), float(patience)))}
