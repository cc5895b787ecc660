"""A stage that stops the run unless what it requires holds."""

from __future__ import annotations

from typing import Literal

from stagewright.spec.model import Stage


class Gate(Stage):
    """Compares metrics with parameters or numbers. Costs nothing: the state machine itself decides."""

    kind: Literal["gate"]
    require: str | tuple[str, ...]
    """`<operand> <op> <operand>`, op one of >= <= > < == !=; of several, all must hold."""
