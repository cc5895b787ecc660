"""Where the sample keeps things in S3, as places in the installation's bucket, one for each run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stagewright.migration.item import Item

BUCKET = "${bucket}"
RUN = "${run.id}"
PATHS = ("output_train_data_path", "output_test_data_path", "output_result_data_path")
"""In the order of the sample's state machine."""


@dataclass(frozen=True)
class Places:
    """`bucket`: the item's own. `shared`: prefixes that a script is told by an argument, and writes under."""

    bucket: str
    shared: tuple[str, ...]
    fixed: str = ""
    """All code as one text: a prefix that stands in it is written to, whatever the document says."""

    @classmethod
    def of(cls, item: Item, code: Iterable[bytes]) -> Places:
        uris = [item.text("preprocessing", name) for name in (*PATHS, "source_code_path")]
        bucket = next((split(uri)[0] for uri in uris if uri.startswith("s3://")), "")
        keys = [split(uri)[1] for uri in uris[: len(PATHS)]]
        said = [str(each).strip("/") for each in item.entries("preprocessing", "container_argument")]
        shared = tuple(each for each in said if each and any(key.startswith(f"{each}/") for key in keys))
        return cls(bucket, shared, b"\n".join(code).decode("utf-8", "replace"))

    def argument(self, text: str) -> str:
        """An argument as the script gets it: the installation's bucket, and the run's own prefix."""
        if text == self.bucket:
            return BUCKET
        if text.strip("/") in self.shared:
            return f"{text.rstrip('/')}/{RUN}" + ("/" if text.endswith("/") else "")
        return self.uri(text)

    def output(self, uri: str) -> str:
        """A place that no other run writes to, unless the code itself says where it writes."""
        if not uri.startswith("s3://"):
            return uri
        key = split(uri)[1].strip("/")
        prefix = next((each for each in self.shared if key.startswith(f"{each}/")), "")
        if prefix:
            return self.uri(uri.replace(f"/{prefix}/", f"/{prefix}/{RUN}/", 1)).rstrip("/")
        return self.uri(uri).rstrip("/") + ("" if self.is_fixed(uri) else f"/{RUN}")

    def is_fixed(self, uri: str) -> bool:
        key = split(uri)[1].strip("/")
        return bool(key) and key in self.fixed

    def uri(self, text: str) -> str:
        """The same place in the installation's bucket, where it is in the item's."""
        own = f"s3://{self.bucket}/"
        return f"s3://{BUCKET}/{text.removeprefix(own)}" if self.bucket and text.startswith(own) else text


def split(uri: str) -> tuple[str, str]:
    """Bucket and key."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
