"""The code files of an item: a folder, and the tarball in it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from stagewright.errors import ReleaseError
from stagewright.migration.item import Item
from stagewright.migration.scripts import declared_options, read_scripts

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


def test_the_tarball_is_unpacked_and_the_rest_stays(tmp_path: Path) -> None:
    place = folder(tmp_path, {"./script.py": "1", "lib/a.py": "2", "._script.py": "mac"}, preprocessing="3")
    found = read_scripts(Item(ITEM), place)
    assert found.files == {"script.py": b"1", "lib/a.py": b"2", "preprocessing.py": b"3"}
    assert found.processing_files == ["preprocessing.py"]


def test_a_tarball_that_no_entry_names_is_a_file_like_any_other(tmp_path: Path) -> None:
    assert list(read_scripts(Item({}), folder(tmp_path, {"script.py": "1"})).files) == ["source.tar.gz"]


def test_one_file_with_two_contents_is_refused(tmp_path: Path) -> None:
    place = folder(tmp_path, {"script.py": "1"}, script="2")
    with pytest.raises(ReleaseError, match=r"script\.py differs between the folder and its tarball"):
        read_scripts(Item(ITEM), place)
    assert read_scripts(Item(ITEM), folder(tmp_path, {"script.py": "2"})).files == {"script.py": b"2"}


@pytest.mark.parametrize("name", ["../evil.py", "/etc/evil.py", "a/../../evil.py"])
def test_a_path_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReleaseError, match="is outside the folder"):
        read_scripts(Item(ITEM), folder(tmp_path, {name: "1"}))


def test_what_is_no_tarball_is_refused(tmp_path: Path) -> None:
    (tmp_path / "source.tar.gz").write_bytes(b"no")
    with pytest.raises(ReleaseError, match=r"source\.tar\.gz is not a tarball"):
        read_scripts(Item(ITEM), tmp_path)


def test_declared_options() -> None:
    source = b"p.add_argument('-n', '--n-estimators', type=int)\nother('--no')\np.add_argument('place')\n"
    assert declared_options(source) == {"-n", "--n-estimators"}
    assert declared_options(b"print 'python 2'") == frozenset()
