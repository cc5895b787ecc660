"""Build a release: `make release` writes it to dist/.

python -m tools.release           check the tree, build, check what was built, write the notes
python -m tools.release --draft   the same for a tree that is not ready for a release

The version is that of src/stagewright/__init__.py, and the notes are its section of CHANGELOG.md. Every build
of the same commit has the same bytes. Nothing is published: the last lines name the commands for that.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from stagewright import __version__
from tools import module_archive

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
CHANGELOG = ROOT / "CHANGELOG.md"
SECTION = re.compile(r"^## (\S+) \(([^)]+)\)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
SUMS = "SHA256SUMS"
NOTES = "NOTES.md"
NEEDED = (
    "stagewright/artifacts/functions.zip",
    "stagewright/artifacts/installation.json",
    "stagewright/py.typed",
)


class ReleaseError(Exception):
    """The tree, or what was built of it, cannot be released."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Build a release into dist/.")
    parser.add_argument("--draft", action="store_true", help="build although the tree is not ready")
    options = parser.parse_args()
    try:
        problems = list(tree_problems(ROOT, CHANGELOG.read_text(encoding="utf-8")))
        files = [] if problems and not options.draft else build(DIST)
    except ReleaseError as error:
        problems, files = [str(error)], []
    for problem in problems:
        print(f"{'draft' if files else 'error'}: {problem}", file=sys.stderr)
    for file in files:
        print(file.relative_to(ROOT))
    if files and not problems:
        print("\n".join(publishing(files)))
    return 0 if files else 1


def notes(changelog: str, version: str) -> tuple[str, str]:
    """The date and the text of a version's section. ReleaseError: there is none."""
    for match in SECTION.finditer(changelog):
        if match[1] == version:
            return match[2], match[3].strip() + "\n"
    raise ReleaseError(f"CHANGELOG.md has no section `## {version} (YYYY-MM-DD)`")


def tree_problems(root: Path, changelog: str) -> Iterator[str]:
    """Why the tree is not ready: changes, a tag elsewhere, an undated section of the changelog."""
    day, _ = notes(changelog, __version__)
    try:
        date.fromisoformat(day)
    except ValueError:
        yield f"CHANGELOG.md: write the date of {__version__} for ({day})"
    if git(root, "status", "--porcelain"):
        yield "the tree has changes: commit them"
    tag = f"v{__version__}"
    tagged = git(root, "rev-list", "-n", "1", tag) if git(root, "tag", "--list", tag) else ""
    if tagged and tagged != git(root, "rev-parse", "HEAD"):
        yield f"the tag {tag} is another commit: raise the version in src/stagewright/__init__.py"


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def build(folder: Path) -> list[Path]:
    """Build wheel, source archive, Terraform modules, notes and checksums into an emptied folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    built = packages(folder)
    with tempfile.TemporaryDirectory() as again:
        for file in packages(Path(again)):
            if file.read_bytes() != (folder / file.name).read_bytes():
                raise ReleaseError(f"two builds of {file.name} differ")
    check_wheel(next(file for file in built if file.suffix == ".whl"))
    built.append(module_archive.write(folder))
    (folder / NOTES).write_text(
        notes(CHANGELOG.read_text(encoding="utf-8"), __version__)[1], encoding="utf-8"
    )
    sums = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in built)
    (folder / SUMS).write_text(sums)
    return [*built, folder / NOTES, folder / SUMS]


def packages(folder: Path) -> list[Path]:
    """Build the wheel and the source archive."""
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(done.stderr.strip())
    return sorted(file for file in folder.iterdir() if file.name.startswith(f"stagewright-{__version__}"))


def check_wheel(wheel: Path) -> None:
    """ReleaseError: the wheel has another version, or lacks a generated file."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(f"stagewright-{__version__}.dist-info/METADATA").decode()
    if f"\nVersion: {__version__}\n" not in metadata:
        raise ReleaseError(f"{wheel.name} is not of version {__version__}")
    if missing := sorted(set(NEEDED) - names):
        raise ReleaseError(f"{wheel.name} lacks {', '.join(missing)}")


def publishing(files: list[Path]) -> Iterator[str]:
    """The commands that publish the release."""
    tag = f"v{__version__}"
    names = [file.name for file in files if file.name.startswith(f"stagewright-{__version__}")]
    yield f"next: git tag --annotate --file dist/{NOTES} {tag} && git push origin {tag}"
    yield f"      twine upload --repository-url URL {' '.join(f'dist/{name}' for name in names)}"
    yield "      docs/publishing.md has the other ways"


if __name__ == "__main__":
    sys.exit(main())
