from __future__ import annotations

import os

import pytest

from stagewright.errors import ReleaseError
from stagewright.runs.releases import code_folder
from stagewright.runs.releases.code_folder import scan


def test_scan_returns_sorted_posix_paths(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "train.py").write_bytes(b"a")
    (tmp_path / "lib" / "shared.py").write_bytes(b"\r\n")
    assert scan(tmp_path) == {"train.py": b"a", "lib/shared.py": b"\r\n"}


def test_scan_ignores_hidden_files_and_bytecode(tmp_path):
    for name in (
        ".env",
        ".git/config",
        "__pycache__/a.cpython-311.pyc",
        "lib/b.pyc",
        "lib/.hidden",
        "lib/c.py",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    assert list(scan(tmp_path)) == ["lib/c.py"]


def test_missing_folder_has_no_files(tmp_path):
    assert scan(tmp_path / "code") == {}


def test_file_in_place_of_the_folder_is_rejected(tmp_path):
    (tmp_path / "code").write_text("x")
    with pytest.raises(ReleaseError, match="code is not a folder"):
        scan(tmp_path / "code")


def test_link_out_of_the_folder_is_rejected(tmp_path):
    (tmp_path / "secret").write_text("x")
    code = tmp_path / "code"
    code.mkdir()
    (code / "a.py").symlink_to(tmp_path / "secret")
    with pytest.raises(ReleaseError, match=r"a\.py is a link out of"):
        scan(code)


def test_link_inside_the_folder_is_followed(tmp_path):
    (tmp_path / "a.py").write_bytes(b"a")
    (tmp_path / "b.py").symlink_to("a.py")
    assert scan(tmp_path) == {"a.py": b"a", "b.py": b"a"}


def test_link_to_a_folder_is_rejected(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "also").symlink_to("lib")
    with pytest.raises(ReleaseError, match="also is a link to a folder"):
        scan(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_named_pipe_is_rejected_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ReleaseError, match="pipe is not a file"):
        scan(tmp_path)


def test_broken_link_is_rejected(tmp_path):
    (tmp_path / "a.py").symlink_to("gone.py")
    with pytest.raises(ReleaseError, match=r"a\.py is not a file"):
        scan(tmp_path)


@pytest.mark.parametrize(("limit", "value"), [("MAX_FILE_BYTES", 10), ("MAX_BYTES", 25), ("MAX_FILES", 2)])
def test_each_limit_has_a_remedy(tmp_path, monkeypatch, limit, value):
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / name).write_bytes(b"0123456789")
    assert len(scan(tmp_path)) == 3
    (tmp_path / "a.py").write_bytes(b"01234567890")
    monkeypatch.setattr(code_folder, limit, value)
    with pytest.raises(ReleaseError) as caught:
        scan(tmp_path)
    assert "keep data in the bucket" in caught.value.remedy
