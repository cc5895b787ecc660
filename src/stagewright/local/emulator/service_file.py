"""The state of one AWS service as a file: ministack's format, with a checksum.

ministack reads the fields `__ministack_format__` and `payload` and ignores `sha256`.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

HEADER = re.compile(rb'\{"__ministack_format__": (\d+), "sha256": "([0-9a-f]{64})", "payload": ')
FORMAT = "__ministack_format__"


def encode(version: int, payload: str) -> tuple[str, str]:
    """Return the checksum of a payload in JSON, and the text of its file."""
    digest = hashlib.sha256(payload.encode()).hexdigest()
    return digest, f'{{"{FORMAT}": {version}, "sha256": "{digest}", "payload": {payload}}}'


def digest(file: Path) -> str:
    """Return the checksum that the file states, or an empty string."""
    with file.open("rb") as stream:
        header = HEADER.match(stream.read(200))
    return header[2].decode() if header else ""


def problem(file: Path, legacy: bool) -> str | None:
    """Return what is wrong with a file, or None.

    `legacy`: the file may come from a version of Stagewright that wrote no checksums.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not content:
        return "is empty"
    header = HEADER.match(content)
    if header is None:
        is_state = legacy and _is_legacy(content)
        return None if is_state else "is damaged: it is not the state of a service"
    payload = memoryview(content)[header.end() : -1]
    is_whole = content.endswith(b"}") and hashlib.sha256(payload).hexdigest() == header[2].decode()
    return None if is_whole else "is damaged: its content does not match its checksum"


def _is_legacy(content: bytes) -> bool:
    try:
        document = json.loads(content)
    except ValueError:
        return False
    is_wrapped = isinstance(document, dict) and isinstance(document.get(FORMAT), int)
    return is_wrapped and isinstance(document.get("payload"), dict)
