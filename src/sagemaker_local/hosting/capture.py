"""Data capture: requests and responses of an endpoint, as JSON lines in S3.

The format is that of "Capture data from real-time endpoint" (developer guide).
"""

from __future__ import annotations

import base64
import json
import logging
import random
import threading
import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sagemaker_local.errors import JobFailure
from sagemaker_local.hosting.periodic import Periodic
from sagemaker_local.storage import Storage

SECONDS = 2.0
BATCH_BYTES = 5 << 20
MODES = {"Input": ("INPUT",), "Output": ("OUTPUT",), "InputAndOutput": ("INPUT", "OUTPUT")}
MEMBERS = {"INPUT": "endpointInput", "OUTPUT": "endpointOutput"}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Content:
    """The body of a request or a response."""

    body: bytes
    content_type: str


class Capture:
    """What one DataCaptureConfig captures."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.destination: str = config["DestinationS3Uri"].rstrip("/")
        self._percent: int = config["InitialSamplingPercentage"]
        self._modes = [mode for option in config["CaptureOptions"] for mode in MODES[option["CaptureMode"]]]
        headers = config.get("CaptureContentTypeHeader", {})
        self._encodings = {
            **{kind.lower(): "JSON" for kind in headers.get("JsonContentTypes", [])},
            **{kind.lower(): "CSV" for kind in headers.get("CsvContentTypes", [])},
        }

    @staticmethod
    def of(config: dict[str, Any] | None) -> Capture | None:
        """The capture of a configuration; None if it captures nothing. EnableCapture "defaults to enabled"
        (API reference)."""
        return Capture(config) if config and config.get("EnableCapture", True) else None

    def sampled(self) -> bool:
        return random.random() * 100 < self._percent  # noqa: S311 -- sampling

    def line(self, sent: Content, answered: Content, inference_id: str, time: datetime) -> bytes:
        contents = {"INPUT": sent, "OUTPUT": answered}
        event = {"eventId": str(uuid.uuid4()), "inferenceTime": f"{time:%Y-%m-%dT%H:%M:%SZ}"}
        if inference_id:
            event["inferenceId"] = inference_id
        record = {
            "captureData": {MEMBERS[mode]: self._side(mode, contents[mode]) for mode in self._modes},
            "eventMetadata": event,
            "eventVersion": "0",
        }
        return json.dumps(record, separators=(",", ":")).encode() + b"\n"

    def _side(self, mode: str, content: Content) -> dict[str, str]:
        kind = content.content_type.partition(";")[0].strip().lower()
        encoding = self._encodings.get(kind, "BASE64")
        try:
            data = content.body.decode() if encoding != "BASE64" else ""
        except UnicodeDecodeError:
            encoding = "BASE64"
        if encoding == "BASE64":
            data = base64.b64encode(content.body).decode()
        return {"observedContentType": content.content_type, "mode": mode, "data": data, "encoding": encoding}


class Captures:
    """Collects lines per variant and uploads them every SECONDS."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._lock = threading.Lock()
        self._lines: dict[str, list[bytes]] = defaultdict(list)
        self._writer = Periodic("data-capture", SECONDS, self._write)

    def record(
        self, capture: Capture, variant_path: str, sent: Content, answered: Content, inference_id: str
    ) -> None:
        """Capture an invocation, if it is sampled. `variant_path` is `<endpoint>/<variant>`."""
        if not capture.sampled():
            return
        line = capture.line(sent, answered, inference_id, datetime.now(UTC))
        with self._lock:
            self._lines[f"{capture.destination}/{variant_path}"].append(line)
        self._writer.start()

    def close(self) -> None:
        """Upload the remaining lines and stop."""
        self._writer.close()
        self._write()

    def _write(self) -> None:
        with self._lock:
            collected, self._lines = self._lines, defaultdict(list)
        for prefix, lines in collected.items():
            for batch in _batches(lines):
                try:
                    self._storage.upload_bytes(batch, f"{prefix}/{_file(datetime.now(UTC))}")
                except JobFailure as error:
                    log.warning("captured data cannot be uploaded: %s", error)


def _file(time: datetime) -> str:
    return f"{time:%Y/%m/%d/%H/%M-%S}-{time.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"


def _batches(lines: list[bytes]) -> list[bytes]:
    batches: list[list[bytes]] = [[]]
    used = 0
    for line in lines:
        if batches[-1] and used + len(line) > BATCH_BYTES:
            batches.append([])
            used = 0
        batches[-1].append(line)
        used += len(line)
    return [b"".join(batch) for batch in batches]
