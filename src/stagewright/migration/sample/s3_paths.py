"""S3 paths of the sample, moved to the installation's bucket and separated by run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stagewright.migration.sample.item import Item
from stagewright.syntax.references import escape

BUCKET = "${bucket}"
RUN = "${run.id}"
PATHS = ("output_train_data_path", "output_test_data_path", "output_result_data_path")
"""In the order of the sample's state machine."""


@dataclass(frozen=True)
class S3Paths:
    """The S3 paths of an item. `shared`: prefixes that a script gets as an argument and writes to."""

    bucket: str
    shared: tuple[str, ...]
    fixed: str = ""
    """All code as one text. The code writes to a prefix that it contains, whatever the document sets."""

    @classmethod
    def of(cls, item: Item, code: Iterable[bytes]) -> S3Paths:
        uris = [item.text("preprocessing", name) for name in (*PATHS, "source_code_path")]
        bucket = next((split(uri)[0] for uri in uris if uri.startswith("s3://")), "")
        keys = [split(uri)[1] for uri in uris[: len(PATHS)]]
        arguments = [str(entry).strip("/") for entry in item.entries("preprocessing", "container_argument")]
        shared = tuple(text for text in arguments if text and any(key.startswith(f"{text}/") for key in keys))
        return cls(bucket, shared, b"\n".join(code).decode("utf-8", "replace"))

    def argument(self, text: str) -> str:
        """A script argument with the installation's bucket and the run's own prefix."""
        if text == self.bucket:
            return BUCKET
        if text.strip("/") in self.shared:
            return f"{escape(text).rstrip('/')}/{RUN}" + ("/" if text.endswith("/") else "")
        return self.uri(text)

    def output(self, uri: str) -> str:
        """A path that no other run writes to, unless the code contains the path."""
        if not uri.startswith("s3://"):
            return uri
        key = split(uri)[1].strip("/")
        prefix = next((shared for shared in self.shared if key.startswith(f"{shared}/")), "")
        if prefix:
            folder = f"/{escape(prefix)}/"
            return self.uri(uri).replace(folder, f"{folder}{RUN}/", 1).rstrip("/")
        return self.uri(uri).rstrip("/") + ("" if self.is_fixed(uri) else f"/{RUN}")

    def is_fixed(self, uri: str) -> bool:
        key = split(uri)[1].strip("/")
        return bool(key) and key in self.fixed

    def uri(self, text: str) -> str:
        """The same path in the installation's bucket if it is in the item's bucket."""
        own = f"s3://{self.bucket}/"
        is_own = bool(self.bucket) and text.startswith(own)
        return f"s3://{BUCKET}/{escape(text.removeprefix(own))}" if is_own else escape(text)


def split(uri: str) -> tuple[str, str]:
    """Bucket and key."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
