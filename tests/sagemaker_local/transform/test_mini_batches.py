from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from sagemaker_local.transform import mini_batches as module
from sagemaker_local.transform.mini_batches import (
    MEGABYTE,
    MULTI,
    SINGLE,
    InputError,
    Record,
    mini_batches,
    read_records,
)


def records(*sent: bytes) -> list[Record]:
    return [Record(each, each) for each in sent]


def payloads(sent: list[Record], strategy: str, megabytes: int = 1) -> list[bytes]:
    return [batch.payload for batch in mini_batches(sent, strategy, megabytes)]


@pytest.mark.parametrize(
    ("content", "split", "found"),
    [
        (b"a\nb\n", "Line", [b"a", b"b"]),
        (b"a\r\nb", "Line", [b"a", b"b"]),
        (b"a\n\nb\n", "Line", [b"a", b"", b"b"]),
        (b"", "Line", []),
        (b"a\nb\n", "None", [b"a\nb\n"]),
        (b"", "None", [b""]),
    ],
)
def test_records_of_a_file(tmp_path: Path, content: bytes, split: str, found: list[bytes]) -> None:
    (tmp_path / "plain").write_bytes(content)
    (tmp_path / "packed").write_bytes(gzip.compress(content, mtime=0))
    assert list(read_records(tmp_path / "plain", split, "None")) == found
    assert list(read_records(tmp_path / "packed", split, "Gzip")) == found


@pytest.mark.parametrize("content", [b"not gzip at all", gzip.compress(b"cut off", mtime=0)[:-9]])
def test_invalid_gzip_is_an_input_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken").write_bytes(content)
    with pytest.raises(InputError, match="not in the gzip format"):
        list(read_records(tmp_path / "broken", "Line", "Gzip"))


@pytest.mark.parametrize("split", ["Line", "None"])
def test_small_gzip_file_with_a_huge_record_is_an_input_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    monkeypatch.setattr(module, "RECORD_LIMIT", MEGABYTE)
    (tmp_path / "bomb").write_bytes(gzip.compress(b"x\n" + b"\0" * 50 * MEGABYTE, mtime=0))
    tracemalloc.start()
    with pytest.raises(InputError, match="a record has more than 1,048,576 bytes"):
        list(read_records(tmp_path / "bomb", split, "Gzip"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * MEGABYTE


def test_single_record_and_multi_record() -> None:
    assert payloads(records(b"a", b"b", b"c"), SINGLE) == [b"a", b"b", b"c"]
    assert payloads(records(b"a", b"b", b"c"), MULTI) == [b"a\nb\nc"]


def test_payloads_are_as_full_as_the_limit_allows() -> None:
    half = b"x" * (MEGABYTE // 2)
    shorter = half[1:]
    # Two halves and the newline between them are a byte too many.
    assert payloads(records(half, half, shorter, b"y"), MULTI) == [half, half + b"\n" + shorter, b"y"]


def test_record_over_the_payload_limit_is_rejected() -> None:
    with pytest.raises(InputError, match="a record of 1048577 bytes exceeds MaxPayloadInMB=1"):
        payloads(records(b"x" * (MEGABYTE + 1)), SINGLE)


def test_zero_is_no_limit() -> None:
    half = b"x" * MEGABYTE
    assert payloads(records(half, half), MULTI, 0) == [half + b"\n" + half]
