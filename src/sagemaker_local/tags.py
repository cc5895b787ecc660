"""The operations AddTags, ListTags and DeleteTags."""

from __future__ import annotations

from typing import Any

from sagemaker_local.api.protocol import invalid
from sagemaker_local.arns import kind_and_name
from sagemaker_local.resource import Operation, Resource

TAG_LIMIT = 50
"""The maximum number of tags per resource (API reference, AddTags)."""


class Tags(Resource):
    def operations(self) -> dict[str, Operation]:
        return {"AddTags": self._add, "ListTags": self._list, "DeleteTags": self._delete}

    def _add(self, request: dict[str, Any]) -> dict[str, Any]:
        resource = self._checked(request["ResourceArn"])
        keys = {tag["Key"] for tag in [*self.context.tags.of(resource), *request["Tags"]]}
        if len(keys) > TAG_LIMIT:
            raise invalid(f"A resource can have at most {TAG_LIMIT} tags; this one would have {len(keys)}")
        return {"Tags": self.context.tags.add(resource, request["Tags"])}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        # A resource has at most 50 tags, and a page has at least 50 (ListTags, MaxResults), so one page is
        # enough.
        return {"Tags": self.context.tags.of(self._checked(request["ResourceArn"]))}

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        self.context.tags.remove(self._checked(request["ResourceArn"]), request["TagKeys"])
        return {}

    def _checked(self, text: str) -> str:
        if kind_and_name(text) == ("", ""):
            raise invalid(f"Invalid ARN: {text}")
        return text
