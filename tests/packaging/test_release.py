"""The release script: what it refuses, what it builds, and the notes."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest
from tools import release

from stagewright import __version__

CHANGELOG = f"""# Changelog

Text.

## {__version__} (2026-01-31)

### Pipelines
- New.

## 0.0.1 (2025-01-01)
- Old.
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--quiet")
    git("commit", "--allow-empty", "--message", "one")
    git("tag", "v0.0.1")
    return tmp_path


def commit(tree: Path) -> None:
    (tree / "file").write_text("x")
    for arguments in (
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-m", "two"],
    ):
        subprocess.run(["git", *arguments], cwd=tree, check=True, capture_output=True)


def test_notes_are_the_section_of_the_version() -> None:
    assert release.notes(CHANGELOG, __version__) == ("2026-01-31", "### Pipelines\n- New.\n")
    assert release.notes(CHANGELOG, "0.0.1") == ("2025-01-01", "- Old.\n")
    with pytest.raises(release.ReleaseError, match=r"no section `## 9.9.9 \(YYYY-MM-DD\)`"):
        release.notes(CHANGELOG, "9.9.9")
    day, text = release.notes(release.CHANGELOG.read_text(), __version__)
    assert day
    assert text.startswith("### ")


def test_clean_tree_is_ready_also_with_its_own_tag(tree: Path) -> None:
    assert list(release.tree_problems(tree, CHANGELOG)) == []
    subprocess.run(["git", "tag", f"v{__version__}"], cwd=tree, check=True)
    assert list(release.tree_problems(tree, CHANGELOG)) == []


def test_tree_that_is_not_ready_is_refused_with_every_reason(tree: Path) -> None:
    subprocess.run(["git", "tag", f"v{__version__}"], cwd=tree, check=True)
    commit(tree)
    (tree / "other").write_text("y")
    problems = list(release.tree_problems(tree, CHANGELOG.replace("2026-01-31", "unreleased")))
    assert [problem.partition(":")[0] for problem in problems] == [
        "CHANGELOG.md",
        "the tree has changes",
        f"the tag v{__version__} is another commit",
    ]


@pytest.mark.slow
def test_build_is_reproducible_and_complete(tmp_path: Path) -> None:
    built = {file.name: file.read_bytes() for file in release.build(tmp_path / "dist")}
    sums = dict(reversed(line.split()) for line in built[release.SUMS].decode().splitlines())
    assert sums == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in built.items()
        if name not in (release.SUMS, release.NOTES)
    }
    assert set(sums) == {
        f"stagewright-{__version__}-py3-none-any.whl",
        f"stagewright-{__version__}.tar.gz",
        f"stagewright-terraform-{__version__}.tar.gz",
    }
