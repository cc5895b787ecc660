"""`python -m stagewright.installation` writes the artifacts and prints the names of the changed files."""

from __future__ import annotations

import sys

from stagewright.installation.artifacts import write

if __name__ == "__main__":
    for path in write():
        sys.stdout.write(f"wrote {path.name}\n")
