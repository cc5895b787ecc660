"""Copying a shipped script: the user's file is never lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from stagewright.cli.commands.author import script
from stagewright.errors import NotFoundError, ReleaseError

SHIPPED = script.SCRIPTS / "drift.py"


@pytest.fixture
def code(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code").mkdir()
    return tmp_path / "code"


def test_scripts_are_listed_with_their_summaries(capsys):
    script.command()
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split()[0] == "name"
    assert [line.split()[0] for line in lines] == sorted(path.stem for path in script.SCRIPTS.glob("*.py"))
    assert "report the features that have drifted" in lines[0]


def test_script_copy_is_identical_and_written_once(code, capsys):
    script.command("drift", Path("code"))
    assert (code / "drift.py").read_bytes() == SHIPPED.read_bytes()
    before = (code / "drift.py").stat()
    script.command("drift.py", Path("code"))
    assert (code / "drift.py").stat() == before
    assert capsys.readouterr().out == "code/drift.py written\ncode/drift.py already exists, unchanged\n"


def test_script_overwrites_a_changed_file_only_with_force(code):
    (code / "drift.py").write_text("print('mine')\n")
    with pytest.raises(ReleaseError, match=r"code/drift.py already exists and differs") as refused:
        script.command("drift", Path("code"))
    assert "stagewright script drift --to code --force" in refused.value.remedy
    assert (code / "drift.py").read_text() == "print('mine')\n"
    script.command("drift", Path("code"), force=True)
    assert (code / "drift.py").read_bytes() == SHIPPED.read_bytes()


def test_unknown_script_suggests_the_nearest(code):
    with pytest.raises(NotFoundError, match="no script drfit") as refused:
        script.command("drfit", Path("code"))
    assert refused.value.remedy == 'did you mean "drift"?'
    assert list(code.iterdir()) == []


def test_script_rejects_a_missing_folder_and_a_non_file(code):
    with pytest.raises(ReleaseError, match="none is not a folder"):
        script.command("drift", Path("none"))
    (code / "drift.py").mkdir()
    with pytest.raises(ReleaseError, match=r"code/drift.py is not a file"):
        script.command("drift", Path("code"), force=True)
    assert list(code.parent.iterdir()) == [code]
