"""The functions' archive: the layers of the package that run in Lambda, the same bytes wherever it is made.

Entries are sorted, dated 1980 (the format's first day), and stored: what deflate gives depends on the zlib at
hand.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
LAYERS = (
    "errors.py", "naming.py", "parallel.py", "asl.py", "gateway.py", "aws", "store", "syntax", "catalog",
    "stages", "document", "planner", "runs", "functions",
)  # fmt: skip
SUFFIXES = (".py", ".json")
_START = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_MODE = 0o100644 << 16


def archive(package: Path = PACKAGE) -> bytes:
    """The zip. Lambda takes at most 50 MB when it is uploaded directly, 250 MB unpacked."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for path in _files(package):
            entry = zipfile.ZipInfo(f"stagewright/{path.relative_to(package).as_posix()}", _START)
            entry.create_system = _UNIX
            entry.external_attr = _MODE
            target.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def _files(package: Path) -> list[Path]:
    found = [package / "__init__.py"]
    for layer in LAYERS:
        place = package / layer
        found += (
            [place] if place.is_file() else [path for path in place.rglob("*") if path.suffix in SUFFIXES]
        )
    return sorted(found, key=lambda path: path.relative_to(package).as_posix())
