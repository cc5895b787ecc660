"""Pages of a listing."""

from __future__ import annotations

from typing import Any

from stagewright.local.glue.protocol import invalid
from stagewright.local.sagemaker.store import Record

DEFAULT_PAGE = 100


def page(member: str, records: list[Record], request: dict[str, Any]) -> dict[str, Any]:
    """`{member: [records], "NextToken": ...}`. A token is the number of records that came before."""
    token = request.get("NextToken", "0")
    if not token.isdecimal():
        raise invalid("The NextToken is not valid; start again without it.")
    start = int(token)
    end = start + request.get("MaxResults", DEFAULT_PAGE)
    following = {"NextToken": str(end)} if end < len(records) else {}
    return {member: records[start:end], **following}
