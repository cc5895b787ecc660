from __future__ import annotations

import pytest

from stagewright.planner.release import CodeFile, Release

RELEASE = Release(
    "p", {name: CodeFile(name[0] * 64, "v") for name in ("a.py", "lib/b.py", "lib/c.py", "library.py")}
)


def test_a_folder_is_its_files():
    assert RELEASE.select(["lib", "a.py"]) == ("a.py", "lib/b.py", "lib/c.py")
    assert RELEASE.select(["lib/"]) == ("lib/b.py", "lib/c.py")


def test_nothing_there():
    with pytest.raises(KeyError, match="li"):
        RELEASE.select(["li"])


def test_a_bundle_is_named_by_its_content_alone():
    other = Release(
        "q", {"a.py": CodeFile("a" * 64, "another version", 9), "z.py": CodeFile("z" * 64)}, "doc", "commit"
    )
    assert RELEASE.bundle(["a.py"]) == other.bundle(["a.py"])
    assert len(RELEASE.bundle(["a.py"])) == 16
    assert RELEASE.digest != other.digest
