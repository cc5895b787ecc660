"""Tags of all resources, stored by ARN."""

from __future__ import annotations

from sagemaker_local.store import Record, Store

KIND = "tags"
Tag = dict[str, str]


class Tagging:
    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, arn: str) -> list[Tag]:
        record = self._store.get(KIND, arn) or {}
        return [{"Key": key, "Value": value} for key, value in record.items()]

    def add(self, arn: str, tags: list[Tag]) -> list[Tag]:
        """Add or replace tags. Returns all tags of the resource."""
        with self._store.transaction():
            record: Record = self._store.get(KIND, arn) or {}
            record.update({tag["Key"]: tag["Value"] for tag in tags})
            self._store.put(KIND, arn, record)
        return self.of(arn)

    def remove(self, arn: str, keys: list[str]) -> None:
        with self._store.transaction():
            record = self._store.get(KIND, arn) or {}
            self._store.put(KIND, arn, {key: value for key, value in record.items() if key not in keys})

    def delete(self, arn: str) -> None:
        """Delete all tags of a deleted resource."""
        self._store.delete(KIND, arn)
