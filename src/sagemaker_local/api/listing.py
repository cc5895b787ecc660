"""List operations: filters, sort order and pages, the same for every resource."""

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
"""The page size without MaxResults (ListTrainingJobs, API reference: the default is 10)."""


@dataclass(frozen=True)
class Listing:
    """The members of a record that filters and sorting use. `orders` maps a SortBy value to a member."""

    result: str
    name: str
    status: str
    orders: dict[str, str]

    def page(self, records: list[Record], request: dict[str, Any]) -> dict[str, Any]:
        """One page as `{result: [records], "NextToken": ...}`. Pass `records` in order of creation."""
        matching = [record for record in records if self._matches(record, request)]
        member = self.orders[request.get("SortBy", "CreationTime")]
        matching.sort(key=lambda record: record[member])
        if request.get("SortOrder", "Descending") == "Descending":
            matching.reverse()
        start = _read_token(request.get("NextToken"), request)
        end = start + request.get("MaxResults", DEFAULT_PAGE)
        token = {"NextToken": _token(end, request)} if end < len(matching) else {}
        return {self.result: matching[start:end], **token}

    def _matches(self, record: Record, request: dict[str, Any]) -> bool:
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
    return base64.urlsafe_b64encode(json.dumps([start, _query(request)]).encode()).decode()


def _read_token(token: str | None, request: dict[str, Any]) -> int:
    if token is None:
        return 0
    try:
        start, query = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error):
        start, query = -1, ""
    if start < 0 or query != _query(request):
        raise invalid("The NextToken is not valid for this request; start again without it.")
    return int(start)


def _query(request: dict[str, Any]) -> str:
    """The request without its page. A token is valid only for the same query."""
    rest = {key: value for key, value in request.items() if key not in ("NextToken", "MaxResults")}
    return json.dumps(rest, sort_keys=True)
