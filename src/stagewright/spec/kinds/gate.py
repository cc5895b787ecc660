"""A stage that stops the run unless what it requires holds."""

from __future__ import annotations

from typing import Literal

from stagewright.spec.model import Stage, Text


class Gate(Stage):
    """Compares metrics with parameters or numbers. Costs nothing: the state machine itself decides."""

    kind: Literal["gate"]
    """Always `gate`."""
    require: Text | tuple[Text, ...]
    """`<operand> <op> <operand>`, op one of >= <= > < == !=; of several, all must hold. An operand is a
    reference, a number or a text in quotes."""
