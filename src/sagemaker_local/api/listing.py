"""List operations: filters, order and pages, the same for every resource."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sagemaker_local.api.protocol import invalid
from sagemaker_local.store import Record

DEFAULT_PAGE = 10
"""Items in a page where MaxResults is not given (ListTrainingJobs, API reference: the default is 10)."""


@dataclass(frozen=True)
class Listing:
    """Which members of a record the filters and the order look at; `orders` maps a SortBy to a member."""

    result: str
    name: str
    status: str
    orders: dict[str, str]

    def page(self, records: list[Record], request: dict[str, Any]) -> dict[str, Any]:
        """`{result: [records], "NextToken": ...}`. `records` are in the order of their creation."""
        chosen = [record for record in records if self._wanted(record, request)]
        member = self.orders[request.get("SortBy", "CreationTime")]
        chosen.sort(key=lambda record: record[member])
        if request.get("SortOrder", "Descending") == "Descending":
            chosen.reverse()
        start = _read_token(request.get("NextToken"), request)
        end = start + request.get("MaxResults", DEFAULT_PAGE)
        token = {"NextToken": _token(end, request)} if end < len(chosen) else {}
        return {self.result: chosen[start:end], **token}

    def _wanted(self, record: Record, request: dict[str, Any]) -> bool:
        return all(
            check(record)
            for check in (
                _compare("CreationTime", "After", request),
                _compare("CreationTime", "Before", request),
                _compare("LastModifiedTime", "After", request),
                _compare("LastModifiedTime", "Before", request),
                lambda record: request.get("NameContains", "") in record[self.name],
                lambda record: (
                    request.get("StatusEquals", record.get(self.status)) == record.get(self.status)
                ),
            )
        )


def _compare(member: str, side: str, request: dict[str, Any]) -> Callable[[Record], bool]:
    limit = request.get(member + side)
    if limit is None:
        return lambda _record: True
    return lambda record: record[member] > limit if side == "After" else record[member] < limit


def _token(start: int, request: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([start, _question(request)]).encode()).decode()


def _read_token(token: str | None, request: dict[str, Any]) -> int:
    if token is None:
        return 0
    try:
        start, question = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error):
        start, question = -1, ""
    if start < 0 or question != _question(request):
        raise invalid("The NextToken is not valid for this request; start again without it.")
    return int(start)


def _question(request: dict[str, Any]) -> str:
    """What a token belongs to: the request without its page."""
    rest = {key: value for key, value in request.items() if key not in ("NextToken", "MaxResults")}
    return json.dumps(rest, sort_keys=True)
