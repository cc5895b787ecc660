"""Hyperparameter ranges, and the conversion between values and positions in the unit interval.

Logarithmic scaling needs values above 0, ReverseLogarithmic continuous values within 0 <= x < 1
(ContinuousParameterRange and IntegerParameterRange, API reference). Auto is Logarithmic here if a range above
0 spans three orders of magnitude, otherwise Linear.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sagemaker_local.api.protocol import invalid

AUTO_SPAN = 1000
Convert = Callable[[float], float]
SCALES: dict[str, tuple[Convert, Convert]] = {
    "Linear": (float, float),
    "Logarithmic": (math.log, math.exp),
    "ReverseLogarithmic": (lambda value: -math.log1p(-value), lambda scaled: -math.expm1(-scaled)),
}
"""Scaling -> conversion to the scale, and back. Both are increasing functions."""


@dataclass(frozen=True)
class Categorical:
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Numeric:
    name: str
    low: float
    high: float
    scaling: str
    integer: bool

    def at(self, position: float) -> str:
        """The value at a position from 0 (low) to 1 (high), as text. All integers have equally large
        intervals."""
        scale, back = SCALES[self.scaling]
        low, high = (scale(edge) for edge in self._edges())
        value = back(low + position * (high - low))
        if self.integer:
            return str(min(max(round(value), int(self.low)), int(self.high)))
        return repr(min(max(value, self.low), self.high))

    def position(self, value: str) -> float | None:
        """The position of a value; None if it is outside of the range."""
        number = _number(value)
        if number is None or not self.low <= number <= self.high:
            return None
        scale = SCALES[self.scaling][0]
        low, high = (scale(edge) for edge in self._edges())
        return min(max((scale(number) - low) / (high - low), 0.0), 1.0)

    def _edges(self) -> tuple[float, float]:
        return (self.low - 0.5, self.high + 0.5) if self.integer else (self.low, self.high)


Range = Categorical | Numeric


def read(ranges: dict[str, Any]) -> tuple[Range, ...]:
    """Parse ParameterRanges. ValidationException if a range is not valid."""
    parsed: list[Range] = [
        *(_numeric(item, integer=True) for item in ranges.get("IntegerParameterRanges", [])),
        *(_numeric(item, integer=False) for item in ranges.get("ContinuousParameterRanges", [])),
        *(
            Categorical(item["Name"], tuple(item["Values"]))
            for item in ranges.get("CategoricalParameterRanges", [])
        ),
    ]
    if not parsed:
        raise invalid("At least one hyperparameter range must be given in ParameterRanges")
    names = [item.name for item in parsed]
    for name in names:
        if names.count(name) > 1:
            raise invalid(f"Hyperparameter {name} has more than one range in ParameterRanges")
    return tuple(parsed)


def _numeric(item: dict[str, str], *, integer: bool) -> Numeric:
    name = item["Name"]
    low, high = (_bound(name, item[side], integer) for side in ("MinValue", "MaxValue"))
    scaling = item.get("ScalingType", "Auto")
    if scaling == "Auto":
        scaling = "Logarithmic" if low > 0 and high / low >= AUTO_SPAN else "Linear"
    return Numeric(name, low, high, scaling, integer)


def _bound(name: str, text: str, integer: bool) -> float:
    value = _number(text)
    if value is None or (integer and not value.is_integer()):
        kind = "an integer" if integer else "a number"
        raise invalid(f"Value {text} in the range of hyperparameter {name} is not {kind}")
    return value


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
