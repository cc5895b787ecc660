"""`get`: whole files, inside the folder, and nothing replaced unless asked."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from stagewright.api.download import download, locations
from stagewright.aws.objects import ListedObject
from stagewright.errors import NotFoundError, TargetError
from stagewright.runs.history.records import StageRecord

ROOT = "runs/p/r/out"


class Objects:
    """Objects of one bucket. Reading a key of `broken` fails after the first bytes."""

    def __init__(self, bodies: dict[str, bytes], broken: str = "") -> None:
        self.bodies, self.broken = bodies, broken

    def list(self, prefix: str, bucket: str):
        assert bucket == "b"
        for key, body in sorted(self.bodies.items()):
            if key.startswith(prefix):
                yield ListedObject(key, len(body), "", 0.0)

    def download(self, key: str, file: Path, bucket: str) -> None:
        if key == self.broken:
            file.write_bytes(self.bodies[key][:1])
            raise TargetError("it was cut off", "try again")
        file.write_bytes(self.bodies[key])


def stage(**result) -> StageRecord:
    return StageRecord("evaluate", "processing", "run", "", "SUCCEEDED", result=result)


REPORT = stage(outputs={"report": f"s3://b/{ROOT}/report", "plots": f"s3://b/{ROOT}/plots/"})
BODIES = {
    f"{ROOT}/report/metrics.json": b"{}",
    f"{ROOT}/report/more/a.html": b"<p>",
    f"{ROOT}/report/more/": b"",
    f"{ROOT}/report2/other.json": b"not of the output report",
    f"{ROOT}/plots/roc.png": b"png",
}


def get(
    bodies, output: str, folder: Path, of: StageRecord = REPORT, broken: str = "", **options
) -> list[str]:
    gateway = SimpleNamespace(objects=Objects(bodies, broken))
    files = download(gateway, of, "r", output, folder, **options)
    return [file.relative_to(folder).as_posix() for file in files]


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_output_has_its_own_folder(tmp_path):
    assert get(BODIES, "report", tmp_path / "new/here") == ["report/metrics.json", "report/more/a.html"]
    assert content(tmp_path) == {
        "new/here/report/metrics.json": b"{}",
        "new/here/report/more/a.html": b"<p>",
    }


@pytest.mark.parametrize(
    ("output", "files"),
    [
        (".", ["plots/roc.png", "report/metrics.json", "report/more/a.html"]),
        ("report/more", ["report/more/a.html"]),
        ("report/metrics.json", ["report/metrics.json"]),
        ("plots/", ["plots/roc.png"]),
    ],
)
def test_everything_or_a_part(tmp_path, output, files):
    assert get(BODIES, output, tmp_path) == files


@pytest.mark.parametrize("output", ["reprot", "report/more/b.html", "report/mor", "repo"])
def test_missing_output_is_not_found_and_nothing_is_created(tmp_path, output):
    with pytest.raises(NotFoundError) as raised:
        get(BODIES, output, tmp_path / "new")
    assert raised.value.remedy
    assert not (tmp_path / "new").exists()


def test_stage_without_outputs_names_its_state(tmp_path):
    with pytest.raises(NotFoundError, match="stage evaluate of r has no outputs: SUCCEEDED"):
        get({}, ".", tmp_path, stage(endpoint="p"))


def test_model_is_an_output():
    assert locations(stage(model="s3://b/m/model.tar.gz")) == {"model": "s3://b/m/model.tar.gz"}
    assert locations(stage(model="s3://b/x", outputs={"model": "s3://b/y"})) == {"model": "s3://b/y"}


def test_existing_files_are_kept_unless_asked(tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report/metrics.json").write_text("mine")
    with pytest.raises(TargetError, match=r"report/metrics\.json exist already") as raised:
        get(BODIES, ".", tmp_path)
    assert "--overwrite" in raised.value.remedy
    assert content(tmp_path) == {"report/metrics.json": b"mine"}
    get(BODIES, "report", tmp_path, overwrite=True)
    assert content(tmp_path)["report/metrics.json"] == b"{}"


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    "existing", ["link to a folder", "link to a file", "dangling link", "file", "folder"]
)
def test_nothing_is_written_through_what_exists(tmp_path, existing, overwrite):
    outside, folder = tmp_path / "outside", tmp_path / "here"
    outside.mkdir()
    folder.mkdir()
    (outside / "file").write_text("mine")
    report, metrics = folder / "report", folder / "report/metrics.json"
    if existing == "link to a folder":
        report.symlink_to(outside)
    elif existing == "file":
        report.write_text("mine")
    elif existing == "folder":
        metrics.mkdir(parents=True)
    else:
        report.mkdir()
        metrics.symlink_to(outside / ("file" if existing == "link to a file" else "new"))
    if overwrite and "link" in existing and existing != "link to a folder":
        get(BODIES, "report", folder, overwrite=True)
        assert not metrics.is_symlink()
    else:
        with pytest.raises(TargetError):
            get(BODIES, "report", folder, overwrite=overwrite)
    assert content(outside) == {"file": b"mine"}


@pytest.mark.parametrize("name", ["../../x", "..", "a/../../x", "/etc/x", "a//x", "./x", "a/./x", "x\0y"])
def test_keys_that_lead_elsewhere_are_refused(tmp_path, name):
    with pytest.raises(TargetError, match="its key is no path of a file"):
        get(BODIES | {f"{ROOT}/report/{name}": b"evil"}, "report", tmp_path / "here")
    assert content(tmp_path) == {}


def test_key_that_is_also_a_folder_is_refused(tmp_path):
    with pytest.raises(TargetError, match="is also the folder of") as raised:
        get({f"{ROOT}/report/a": b"1", f"{ROOT}/report/a/b": b"2"}, "report", tmp_path)
    assert "report/a/b" in raised.value.message
    assert list(tmp_path.iterdir()) == []


def test_failure_leaves_nothing(tmp_path):
    with pytest.raises(TargetError, match="cut off"):
        get(BODIES, ".", tmp_path / "new", broken=f"{ROOT}/report/metrics.json")
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(TargetError, match="file"):
        get(BODIES, ".", tmp_path / "file")
    with pytest.raises(TargetError, match="name too long"):
        get({f"{ROOT}/report/{'x' * 300}": b""}, "report", tmp_path / "new")
    assert content(tmp_path) == {"file": b"mine"}
    assert not (tmp_path / "new").exists()


def archive(*members: tarfile.TarInfo | str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for member in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = 4 if info.isfile() else 0
            tar.addfile(info, io.BytesIO(b"data"))
    return buffer.getvalue()


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


MODEL = stage(model="s3://b/m/model.tar.gz")


def test_model_is_fetched_whole_or_unpacked(tmp_path):
    body = archive("model.pth", "code/inference.py", link("latest", "model.pth"))
    assert get({"m/model.tar.gz": body}, "model", tmp_path, MODEL) == ["model.tar.gz"]
    files = get({"m/model.tar.gz": body}, "model", tmp_path, MODEL, unpack=True)
    assert files == ["model/code/inference.py", "model/latest", "model/model.pth"]
    assert (tmp_path / "model/latest").read_bytes() == b"data"
    with pytest.raises(TargetError, match="exist already"):
        get({"m/model.tar.gz": body}, "model", tmp_path, MODEL, unpack=True)
    assert {path.name for path in tmp_path.iterdir()} == {"model.tar.gz", "model"}


@pytest.mark.parametrize(
    "member",
    [
        "../evil",
        "a/../../evil",
        link("a", "/etc/passwd"),
        link("a", "../../outside"),
        link("a", "/etc/passwd", tarfile.LNKTYPE),
        link("a", "", tarfile.FIFOTYPE),
        link("a", "", tarfile.CHRTYPE),
    ],
    ids=["above", "above a folder", "link to a path", "link above", "hard link", "pipe", "device"],
)
def test_archive_that_leads_elsewhere_is_refused(tmp_path, member):
    with pytest.raises(TargetError, match=r"model\.tar\.gz cannot be unpacked") as raised:
        get({"m/model.tar.gz": archive("ok", member)}, "model", tmp_path / "here", MODEL, unpack=True)
    assert raised.value.remedy == "get it without --unpack"
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("body", [b"", b"no archive", archive("x")[:-20]], ids=["empty", "text", "truncated"])
def test_damaged_archive_is_refused(tmp_path, body):
    with pytest.raises(TargetError, match="cannot be unpacked"):
        get({"m/model.tar.gz": body}, "model", tmp_path, MODEL, unpack=True)
    assert list(tmp_path.iterdir()) == []


def test_absolute_member_stays_inside(tmp_path):
    body = archive("/etc/evil")
    assert get({"m/model.tar.gz": body}, "model", tmp_path, MODEL, unpack=True) == ["model/etc/evil"]


def test_unpacked_folder_with_a_file_of_its_name_is_refused(tmp_path):
    bodies = {f"{ROOT}/report/a.tar.gz": archive("x"), f"{ROOT}/report/a": b""}
    with pytest.raises(TargetError, match=r"a\.tar\.gz cannot be unpacked: there is also a"):
        get(bodies, "report", tmp_path, unpack=True)
    assert list(tmp_path.iterdir()) == []


def test_files_get_the_usual_permissions(tmp_path):
    get(BODIES, "report", tmp_path / "new")
    umask = os.umask(0o022)
    os.umask(umask)
    assert (tmp_path / "new/report/metrics.json").stat().st_mode & 0o777 == 0o666 & ~umask
    assert (tmp_path / "new/report/more").stat().st_mode & 0o777 == 0o777 & ~umask
