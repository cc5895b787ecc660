"""Archives from outside: damaged ones, hostile ones, and their limits."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tracemalloc

import pytest

from sagemaker_local import archive
from sagemaker_local.archive import unpack
from sagemaker_local.errors import JobFailure

BLOCK = tarfile.BLOCKSIZE


def packed(path, *members):
    with tarfile.open(path, "w:gz") as tar:
        for member, data in members:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def test_archive_path_outside_the_folder_is_rejected(tmp_path):
    evil = packed(tmp_path / "evil.tar.gz", (tarfile.TarInfo("../escaped"), b"x"))
    with pytest.raises(JobFailure, match=r"ClientError: evil\.tar\.gz cannot be unpacked"):
        unpack(evil, tmp_path / "in")
    assert not (tmp_path / "escaped").exists()


def test_invalid_archive_is_rejected(tmp_path):
    (tmp_path / "bad.tar.gz").write_bytes(b"not a tarball")
    with pytest.raises(JobFailure, match=r"ClientError: bad\.tar\.gz cannot be unpacked"):
        unpack(tmp_path / "bad.tar.gz", tmp_path / "in")


@pytest.mark.parametrize("place", [-8, 30], ids=["checksum", "data"])
def test_corrupt_archive_is_rejected(tmp_path, place):
    bad = packed(tmp_path / "bad.tar.gz", (tarfile.TarInfo("a"), b"some text, many times. " * 9_000))
    content = bytearray(bad.read_bytes())
    content[place] ^= 0xFF
    bad.write_bytes(content)
    with pytest.raises(JobFailure, match=r"ClientError: bad\.tar\.gz cannot be unpacked"):
        unpack(bad, tmp_path / "in")


def test_archive_over_the_unpacked_limit_is_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "UNPACKED_LIMIT", 10)
    big = packed(
        tmp_path / "big.tar.gz", (tarfile.TarInfo("a"), b"123456"), (tarfile.TarInfo("b"), b"123456")
    )
    with pytest.raises(JobFailure, match="unpacks to more than this server allows"):
        unpack(big, tmp_path / "in")


def block(name, size, kind):
    """A header of tar's ustar format, with the size as it is."""
    info = tarfile.TarInfo(name)
    info.type = kind
    data = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    data[124:136] = b"%011o\0" % size if size >= 0 else b"\xff" + (size % 256**11).to_bytes(11, "big")
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data)
    return bytes(data)


def padded(body):
    return body + b"\0" * (-len(body) % BLOCK)


def pax(*records):
    """The body of a pax header."""
    lines = []
    for record in records:
        length = len(record) + 2
        while length != len(str(length)) + 1 + len(record) + 1:
            length = len(str(length)) + 1 + len(record) + 1
        lines.append(b"%d %s\n" % (length, record))
    return b"".join(lines)


FILE = block("a", 1, tarfile.REGTYPE) + padded(b"x")
MANY = [b"k%d=v" % number for number in range(80_000)]
SMALL = [b"k%d=v" % number for number in range(3_000)]


def header(kind, body):
    return block("header", len(body), kind) + padded(body)


@pytest.mark.parametrize(
    "content",
    [
        header(tarfile.XHDTYPE, pax(*MANY)) + FILE,
        header(tarfile.XGLTYPE, pax(*MANY)) + FILE * 200,
        b"".join(header(tarfile.XGLTYPE, pax(*SMALL)) for _ in range(30)) + FILE,
        b"".join(header(tarfile.XHDTYPE, pax(b"comment=x")) for _ in range(2_000)) + FILE,
        header(tarfile.GNUTYPE_LONGNAME, b"n" * (1 << 20)) + FILE,
        block("header", 1 << 40, tarfile.XHDTYPE) + b"\0" * (8 << 20),
        block("a", -BLOCK, tarfile.REGTYPE) + FILE,
        FILE + b"\0" * BLOCK * 2 + b"\0" * (64 << 20),
    ],
    ids=["pax", "global", "many-globals", "chain", "long-name", "size", "negative-size", "trailing"],
)
def test_hostile_headers_take_little_memory(tmp_path, content, monkeypatch):
    monkeypatch.setattr(archive, "UNPACKED_LIMIT", 32 << 20)
    bomb = tmp_path / "bomb.tar.gz"
    bomb.write_bytes(gzip.compress(content, 1))
    tracemalloc.start()
    try:
        with pytest.raises(JobFailure, match=r"^ClientError: s3://b/bomb\.tar\.gz cannot be unpacked: "):
            unpack(bomb, tmp_path / "in", "s3://b/bomb.tar.gz")
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


def test_headers_of_real_archives_are_accepted(tmp_path):
    path = tmp_path / "git.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT, pax_headers={"comment": "a" * 40}) as tar:
        for name in ("deep/" * 30 + "ä" * 60, "n" * 200):
            member = tarfile.TarInfo(name)
            member.size, member.mtime = 3, 1.25
            tar.addfile(member, io.BytesIO(b"abc"))
    unpack(path, tmp_path / "in")
    assert sorted(file.stat().st_size for file in (tmp_path / "in").rglob("*") if file.is_file()) == [3, 3]


def linked(name, target):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member, b""


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "a/../../outside"])
def test_link_out_of_the_folder_is_rejected(tmp_path, target):
    evil = packed(tmp_path / "evil.tar.gz", linked("link", target))
    with pytest.raises(JobFailure, match=r"^ClientError: evil\.tar\.gz cannot be unpacked: "):
        unpack(evil, tmp_path / "in")


def test_link_through_a_folder_that_comes_later_stays_inside(tmp_path):
    """`later/../x` is `x` when it is checked, and would be outside when `later` is a link to the folder."""
    (tmp_path / "x").write_text("secret")
    evil = packed(tmp_path / "evil.tar.gz", linked("link", "later/../x"), linked("later", "."))
    unpack(evil, tmp_path / "in")
    assert os.path.realpath(tmp_path / "in/link") == str(tmp_path / "in/x")


def test_paths_too_long_to_resolve_do_not_lead_out(tmp_path):
    """A link whose real path is over 4,096 bytes passes the check of Python's tarfile (CVE-2025-4517)."""
    folder = "d" * 247
    members, path = [], ""
    for step in "abcdefghijklmnop":
        entry = tarfile.TarInfo(f"{path}{folder}")
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        members += [(entry, b""), linked(f"{path}{step}", folder)]
        path += f"{step}/"
    members += [linked(f"{path}{'l' * 254}", "../" * 16), linked("escape", f"{path}{'l' * 254}/../outside")]
    evil = packed(tmp_path / "evil.tar.gz", *members, (tarfile.TarInfo("escape/written"), b""))
    with pytest.raises(JobFailure, match="a path in it has more than 2000 bytes"):
        unpack(evil, tmp_path / "in")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["evil.tar.gz", "in"]


def test_plain_tar_is_rejected_as_on_aws(tmp_path):
    """SageMaker: "Please ensure that the object ... is a valid tar.gz archive"."""
    with tarfile.open(tmp_path / "plain.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("a"))
    with pytest.raises(JobFailure, match=r"^ClientError: plain\.tar cannot be unpacked: Not a gzipped file"):
        unpack(tmp_path / "plain.tar", tmp_path / "in")


def test_archive_over_a_file_names_no_path_of_this_machine(tmp_path):
    (tmp_path / "in").write_text("a file")
    good = packed(tmp_path / "good.tar.gz", (tarfile.TarInfo("a"), b"x"))
    with pytest.raises(JobFailure) as raised:
        unpack(good, tmp_path / "in")
    assert str(raised.value) == "ClientError: good.tar.gz cannot be unpacked: File exists"
