"""Numbers in text."""

from __future__ import annotations

import json
from typing import Any

from stagewright.syntax import ambiguous_scalars
from stagewright.syntax.ambiguous_scalars import ambiguity
from stagewright.syntax.references import escape


def number(value: Any) -> Any:
    """Convert a string that is exactly a number, if every reader keeps that number."""
    text = str(value)
    scalar = None if ambiguity(text) else ambiguous_scalars.resolve(text)
    is_number = isinstance(scalar, int | float) and not isinstance(scalar, bool)
    return scalar if is_number and json.dumps(scalar) == text else text


def number_or_text(value: Any) -> Any:
    """`number`, with other text escaped."""
    result = number(value)
    return escape(result) if isinstance(result, str) else result
