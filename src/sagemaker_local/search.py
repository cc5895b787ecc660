"""The Search operation, for the resource types that SDKs search."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sagemaker_local.api.fields import Rules
from sagemaker_local.api.listing import Listing
from sagemaker_local.api.protocol import invalid, unsupported
from sagemaker_local.events import public
from sagemaker_local.resource import Operation, Resource
from sagemaker_local.store import Record

KINDS = {
    "TrainingJob": "training-job",
    "Endpoint": "endpoint",
    "ModelPackage": "model-package",
    "ModelPackageGroup": "model-package-group",
}
"""Resource in a request -> kind of record in the store."""
RULES: Rules = {
    "Resource": tuple(KINDS),
    "SearchExpression.NestedFilters": (),
    "VisibilityConditions": (),
    "CrossAccountFilterOption": ("SameAccount",),
}
ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}


class Search(Resource):
    def operations(self) -> dict[str, Operation]:
        return {"Search": self._search}

    def _search(self, request: dict[str, Any]) -> dict[str, Any]:
        resource = request["Resource"]
        records = (self._with_tags(record, resource) for record in self.context.store.all(KINDS[resource]))
        expression = request.get("SearchExpression", {})
        hits = [record for record in records if _matches(record, expression)]
        member = request.get("SortBy", "CreationTime")
        if any(value_at(record, member) is None for record in hits):
            raise invalid(f"SortBy: not every {resource} in the result has {member}")
        listing = Listing("Results", f"{resource}Name", "", {member: member})
        page = listing.page(hits, {"SortBy": member, **request})
        total = {"Value": len(hits), "Relation": "EqualTo"}
        results = [{resource: record} for record in page["Results"]]
        return {**page, "Results": results, "TotalHits": total}

    def _with_tags(self, record: Record, resource: str) -> Record:
        return {**public(record), "Tags": self.context.tags.of(record[f"{resource}Arn"])}


def value_at(record: Record, name: str) -> Any:
    """The value of a property. `Tags.<key>`, `Metrics.<name>` and `HyperParameters.<name>` are properties
    too."""
    first, _, rest = name.partition(".")
    match first:
        case "Tags":
            return next((tag["Value"] for tag in record["Tags"] if tag["Key"] == rest), None)
        case "Metrics":
            metrics = record.get("FinalMetricDataList", [])
            return next((metric["Value"] for metric in metrics if metric["MetricName"] == rest), None)
        case "HyperParameters":
            return record.get(first, {}).get(rest)
    value: Any = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _matches(record: Record, expression: dict[str, Any]) -> bool:
    if "NestedFilters" in expression:
        raise unsupported("SearchExpression.SubExpressions.NestedFilters")
    holds = [_holds(value_at(record, term["Name"]), term) for term in expression.get("Filters", [])]
    holds += [_matches(record, inner) for inner in expression.get("SubExpressions", [])]
    return any(holds) if expression.get("Operator") == "Or" and holds else all(holds)


def _holds(value: Any, condition: dict[str, Any]) -> bool:
    text = condition.get("Value", "")
    default = "Equals" if "Value" in condition else "Exists"
    match condition.get("Operator", default):
        case "Exists":
            return value is not None
        case "NotExists":
            return value is None
        case "Equals":
            return value is not None and _as_type_of(value, text) == value
        case "NotEquals":
            return value is None or _as_type_of(value, text) != value
        case "Contains":
            return text in str(value or "")
        case "In":
            return value is not None and any(_as_type_of(value, part) == value for part in text.split(","))
        case ordered:
            return value is not None and _ordered(ordered, value, text, condition["Name"])


def _ordered(name: str, value: Any, text: str, member: str) -> bool:
    if isinstance(value, str):
        try:
            return ORDERED[name](float(value), float(text))
        except ValueError:
            return ORDERED[name](value, text)
    limit = _as_type_of(value, text)
    if isinstance(limit, str):
        raise invalid(f"{member} cannot be compared with {text!r}")
    return ORDERED[name](value, limit)


def _as_type_of(value: Any, text: str) -> Any:
    """Convert a filter's text to the type of the value in the record: a boolean, a number or a time."""
    if isinstance(value, bool):
        return text.lower() == "true"
    if not isinstance(value, int | float):
        return text
    for read in (float, _epoch):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _epoch(text: str) -> float:
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
