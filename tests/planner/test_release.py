from __future__ import annotations

import pytest

from stagewright.planner.release import CodeFile, Release

RELEASE = Release(
    "p", {name: CodeFile(name[0] * 64, "v") for name in ("a.py", "lib/b.py", "lib/c.py", "library.py")}
)


def test_folder_selects_its_files():
    assert RELEASE.select(["lib", "a.py"]) == ("a.py", "lib/b.py", "lib/c.py")
    assert RELEASE.select(["lib/"]) == ("lib/b.py", "lib/c.py")


def test_path_without_files_is_rejected():
    with pytest.raises(KeyError, match="li"):
        RELEASE.select(["li"])


def test_bundle_name_depends_on_content_only():
    other = Release(
        "q", {"a.py": CodeFile("a" * 64, "another version", 9), "z.py": CodeFile("z" * 64)}, "doc", "commit"
    )
    assert RELEASE.bundle(["a.py"]) == other.bundle(["a.py"])
    assert len(RELEASE.bundle(["a.py"])) == 16
    assert RELEASE.digest != other.digest
