"""Reads a requirements.txt as pip does. uv, which installs it here, reads UTF-8 and byte order marks only."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from sagemaker_local.errors import JobEnvironmentError

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks and their encodings. That of UTF-32-LE starts with that of UTF-16-LE."""
DECLARED = re.compile(rb"\A(?:.*\n)?#.*?coding[:=]\s*([-\w.]+)")
"""An encoding that a comment in the first two lines declares (PEP 263)."""


def normalize(file: Path) -> str:
    """The text of a requirements file, which is rewritten in UTF-8 unless it is.

    JobEnvironmentError names the file if it is not text in the encoding that pip would use.
    """
    data = file.read_bytes()
    encoding = next((name for mark, name in MARKS if data.startswith(mark)), "")
    declared = DECLARED.match(data)
    encoding = encoding or (declared[1].decode() if declared else "utf-8")
    try:
        text = data.decode(encoding)
        utf8 = text.encode()
    except (UnicodeError, LookupError) as error:
        problem = f"{file.name} is not text in {encoding}: {error}"
        raise JobEnvironmentError(problem, f"save {file.name} as UTF-8") from error
    if "\0" in text:
        raise JobEnvironmentError(f"{file.name} contains null bytes", f"save {file.name} as UTF-8")
    if utf8 != data:
        file.write_bytes(utf8)
    return text
