"""The one second in which Step Functions evaluates an expression (measured: iwamot/sfnx, docs/design.md).

The state machine fills the values of a run into a request with one expression. Its time grows with the number
of places: at 0.7 ms each in JSONata 2.0.6 on a busy laptop, 500 take a third of a second.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stagewright.errors import Problem

LIMIT = 500
"""Places for values of a run in one request."""


def problems(operation: str, request: Any) -> Iterator[Problem]:
    """Yield a problem if a request has more places than Step Functions can fill in a second."""
    places = json.dumps(request).count("<<")
    if places > LIMIT:
        message = f"values that only the run knows are used {places} times, more than {LIMIT}"
        yield Problem(operation, message, "write them to a file in an earlier stage, and pass its location")
