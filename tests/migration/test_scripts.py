"""The code files of an item: a folder, and the tarball in it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from stagewright.errors import ReleaseError
from stagewright.migration.sample.item import Item
from stagewright.migration.sample.scripts import declared_options, read_scripts

ITEM = {"training": {"hyperparameters": {"sagemaker_submit_directory": "s3://some-bucket/x/source.tar.gz"}}}


def folder(place: Path, packed: dict[str, str], **files: str) -> Path:
    with tarfile.open(place / "source.tar.gz", "w:gz") as archive:
        for name, text in packed.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    for name, text in files.items():
        (place / f"{name}.py").write_text(text)
    return place


def test_tarball_is_unpacked_into_the_folder(tmp_path: Path) -> None:
    place = folder(tmp_path, {"./script.py": "1", "lib/a.py": "2", "._script.py": "mac"}, preprocessing="3")
    found = read_scripts(Item(ITEM), place)
    assert found.files == {"script.py": b"1", "lib/a.py": b"2", "preprocessing.py": b"3"}
    assert found.processing_files == ["preprocessing.py"]


def test_unreferenced_tarball_stays_a_file(tmp_path: Path) -> None:
    assert list(read_scripts(Item({}), folder(tmp_path, {"script.py": "1"})).files) == ["source.tar.gz"]


def test_file_that_differs_from_the_tarball_is_rejected(tmp_path: Path) -> None:
    place = folder(tmp_path, {"script.py": "1"}, script="2")
    with pytest.raises(ReleaseError, match=r"script\.py differs between the folder and its tarball"):
        read_scripts(Item(ITEM), place)
    assert read_scripts(Item(ITEM), folder(tmp_path, {"script.py": "2"})).files == {"script.py": b"2"}


@pytest.mark.parametrize("name", ["../evil.py", "/etc/evil.py", "a/../../evil.py"])
def test_path_outside_the_folder_is_rejected(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReleaseError, match="is outside the folder"):
        read_scripts(Item(ITEM), folder(tmp_path, {name: "1"}))


@pytest.mark.parametrize("at", [60, -40, -6])
def test_damaged_tarball_is_rejected(tmp_path: Path, at: int) -> None:
    place = folder(tmp_path, {"train.py": "x = 1\n" * 5_000})
    file = place / "source.tar.gz"
    content = bytearray(file.read_bytes())
    content[at] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(ReleaseError, match=r"source\.tar\.gz is not a tarball"):
        read_scripts(Item(ITEM), place)


def test_invalid_tarball_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "source.tar.gz").write_bytes(b"no")
    with pytest.raises(ReleaseError, match=r"source\.tar\.gz is not a tarball"):
        read_scripts(Item(ITEM), tmp_path)


def test_options_of_a_script_are_found() -> None:
    source = b"p.add_argument('-n', '--n-estimators', type=int)\nother('--no')\np.add_argument('place')\n"
    assert declared_options(source) == {"-n", "--n-estimators"}
    assert declared_options(b"print 'python 2'") == frozenset()
