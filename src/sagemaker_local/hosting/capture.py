"""Data capture: what an endpoint was asked and answered, as JSON lines in S3.

The format is that of the developer guide, "Capture data from real-time endpoint".
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
    """One side of an invocation."""

    body: bytes
    content_type: str


class Capture:
    """One DataCaptureConfig."""

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
        """None where nothing is captured. EnableCapture: "defaults to enabled" (API reference)."""
        return Capture(config) if config and config.get("EnableCapture", True) else None

    def sampled(self) -> bool:
        return random.random() * 100 < self._percent  # noqa: S311 -- a sample

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
    """Gathers lines by variant, and writes them within seconds."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._lock = threading.Lock()
        self._lines: dict[str, list[bytes]] = defaultdict(list)
        self._writer = Periodic("data-capture", SECONDS, self._write)

    def record(
        self, capture: Capture, place: str, sent: Content, answered: Content, inference_id: str
    ) -> None:
        """`place` is `<endpoint>/<variant>`."""
        if not capture.sampled():
            return
        line = capture.line(sent, answered, inference_id, datetime.now(UTC))
        with self._lock:
            self._lines[f"{capture.destination}/{place}"].append(line)
        self._writer.begin()

    def close(self) -> None:
        """What is waiting is written first."""
        self._writer.close()
        self._write()

    def _write(self) -> None:
        with self._lock:
            gathered, self._lines = self._lines, defaultdict(list)
        for prefix, lines in gathered.items():
            for batch in _batches(lines):
                try:
                    self._storage.upload_bytes(batch, f"{prefix}/{_file(datetime.now(UTC))}")
                except JobFailure as error:
                    log.warning("captured data is lost: %s", error)


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
