"""The Terraform modules as one archive, for a private registry or a bucket: `make module` writes it to dist/.

Its root is the installation's module, as registries expect, with `modules/` and `artifacts/`. Every build
of the same files has the same bytes.
"""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from stagewright import __version__

ROOT = Path(__file__).parent.parent
INFRA = ROOT / "infra"
ARTIFACTS = ROOT / "src" / "stagewright" / "artifacts"
NAME = f"stagewright-terraform-{__version__}.tar.gz"
LEFT_OUT = {"tests", "examples", "README.md"}
IN_CHECKOUT, IN_ARCHIVE = "/../src/stagewright/artifacts", "/artifacts"
"""How the modules name the folder of the artifacts, relative to themselves."""


def files() -> Iterator[tuple[str, bytes]]:
    """Path in the archive and content of every file."""
    for path in sorted(INFRA.rglob("*")):
        inside = path.relative_to(INFRA)
        if path.suffix == ".tf" and not LEFT_OUT & set(inside.parts) and ".terraform" not in inside.parts:
            yield inside.as_posix(), path.read_text().replace(IN_CHECKOUT, IN_ARCHIVE).encode()
    for path in sorted(ARTIFACTS.iterdir()):
        yield f"artifacts/{path.name}", path.read_bytes()


def archive() -> bytes:
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, filename="") as compressed,
        tarfile.open(fileobj=compressed, mode="w") as tar,
    ):
        for name, content in files():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def write(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    path.write_bytes(archive())
    return path


if __name__ == "__main__":
    sys.stdout.write(f"{write(Path(sys.argv[1]))}\n")
