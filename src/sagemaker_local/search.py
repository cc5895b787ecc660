"""Search: over the resources that people look for by what they were made from, as the SDKs do."""

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
"""Resource of a search -> where its records are stored."""
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
        found = [record for record in records if _matches(record, expression)]
        member = request.get("SortBy", "CreationTime")
        if any(value_at(record, member) is None for record in found):
            raise invalid(f"SortBy: not every {resource} that was found has {member}")
        listing = Listing("Results", f"{resource}Name", "", {member: member})
        page = listing.page(found, {"SortBy": member, **request})
        hits = {"Value": len(found), "Relation": "EqualTo"}
        return {**page, "Results": [{resource: each} for each in page["Results"]], "TotalHits": hits}

    def _with_tags(self, record: Record, resource: str) -> Record:
        return {**public(record), "Tags": self.context.tags.of(record[f"{resource}Arn"])}


def value_at(record: Record, name: str) -> Any:
    """What a property's name stands for; `Tags.<key>`, `Metrics.<name>` and `HyperParameters.<name>` too."""
    first, _, rest = name.partition(".")
    match first:
        case "Tags":
            return next((tag["Value"] for tag in record["Tags"] if tag["Key"] == rest), None)
        case "Metrics":
            metrics = record.get("FinalMetricDataList", [])
            return next((each["Value"] for each in metrics if each["MetricName"] == rest), None)
        case "HyperParameters":
            return record.get(first, {}).get(rest)
    value: Any = record
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _matches(record: Record, expression: dict[str, Any]) -> bool:
    if "NestedFilters" in expression:
        raise unsupported("SearchExpression.SubExpressions.NestedFilters")
    holds = [_holds(value_at(record, each["Name"]), each) for each in expression.get("Filters", [])]
    holds += [_matches(record, each) for each in expression.get("SubExpressions", [])]
    return any(holds) if expression.get("Operator") == "Or" and holds else all(holds)


def _holds(found: Any, condition: dict[str, Any]) -> bool:
    asked = condition.get("Value", "")
    default = "Equals" if "Value" in condition else "Exists"
    match condition.get("Operator", default):
        case "Exists":
            return found is not None
        case "NotExists":
            return found is None
        case "Equals":
            return found is not None and _like(found, asked) == found
        case "NotEquals":
            return found is None or _like(found, asked) != found
        case "Contains":
            return asked in str(found or "")
        case "In":
            return found is not None and any(_like(found, each) == found for each in asked.split(","))
        case ordered:
            return found is not None and _ordered(ordered, found, asked, condition["Name"])


def _ordered(name: str, found: Any, asked: str, member: str) -> bool:
    if isinstance(found, str):
        try:
            return ORDERED[name](float(found), float(asked))
        except ValueError:
            return ORDERED[name](found, asked)
    wanted = _like(found, asked)
    if isinstance(wanted, str):
        raise invalid(f"{member} cannot be compared with {asked!r}")
    return ORDERED[name](found, wanted)


def _like(found: Any, asked: str) -> Any:
    """The value of a filter, which is always text, as what stands in the record: a number, or a time."""
    if isinstance(found, bool):
        return asked.lower() == "true"
    if not isinstance(found, int | float):
        return asked
    for read in (float, _epoch):
        try:
            return read(asked)
        except ValueError:
            continue
    return asked


def _epoch(text: str) -> float:
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
