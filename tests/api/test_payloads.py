"""What data is sent as."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from stagewright.api import payloads
from stagewright.errors import DocumentError


@pytest.mark.parametrize(
    ("body", "extension", "content_type"),
    [
        (b"1,2", ".json", "application/json"),
        (b"{}", ".CSV", "text/csv"),
        (b"x", ".npy", "application/x-npy"),
        (b'{"a": 1}\n{"a": 2}\n', ".jsonl", "application/jsonlines"),
        (b"\xff\xd8", ".jpg", "image/jpeg"),
        (b'{"a": 1}', "", "application/json"),
        (b"1,2\n3,4\n", "", "text/csv"),
        (b"a;b", ".txt", "text/csv"),
        (b"\x89\x00\xff", ".unknown", "application/octet-stream"),
        (b"[" * 100_000, "", "text/csv"),
    ],
)
def test_content_type_is_from_extension_else_from_data(body, extension, content_type):
    assert payloads.of_bytes(body, None, extension) == (body, content_type, True)
    assert payloads.of_bytes(body, "x/y", extension) == (body, "x/y", False)


@pytest.mark.parametrize(
    ("texts", "content_type", "body", "sent_as"),
    [
        (["3,1200,2"], None, "3,1200,2", "text/csv"),
        (["3,1200", "4,900"], None, "3,1200\n4,900", "text/csv"),
        (["3", "4"], None, "3\n4", "text/csv"),
        (['{"a": 1}'], None, '{"a": 1}', "application/json"),
        (['{"a": 1}', '{"a": 2}'], None, '[{"a": 1}, {"a": 2}]', "application/json"),
        (['[{"a": 1}]', '{"a": 2}'], None, '[{"a": 1}, {"a": 2}]', "application/json"),
        (['{"a": 1}', '{"a": 2}'], "application/jsonlines", '{"a": 1}\n{"a": 2}', "application/jsonlines"),
        (['{"a": 1}', "1,2"], None, '{"a": 1}\n1,2', "text/csv"),
    ],
)
def test_rows_and_records_of_the_command_line(texts, content_type, body, sent_as):
    payload = payloads.of_texts(texts, content_type)
    assert (payload.body.decode(), payload.content_type) == (body, sent_as)


FRAME = SimpleNamespace(
    to_csv=lambda index, header: "1,2\n" if not (index or header) else "",
    to_json=lambda orient: json.dumps([{"a": 1}]) if orient == "records" else "",
)


@pytest.mark.parametrize(
    ("data", "content_type", "body", "sent_as"),
    [
        (b"1", "x/y", b"1", "x/y"),
        ("1,2", None, b"1,2", "text/csv"),
        ({"a": 1}, None, b'{"a": 1}', "application/json"),
        ([{"a": 1}, {"a": 2}], None, b'[{"a": 1}, {"a": 2}]', "application/json"),
        ([{"a": 1}], "application/jsonlines", b'{"a": 1}\n', "application/jsonlines"),
        ([1, "a,b"], None, b'1,"a,b"\n', "text/csv"),
        ([[1, 2], (3, 4)], None, b"1,2\n3,4\n", "text/csv"),
        ([[1, 2]], "application/json", b"[[1, 2]]", "application/json"),
        (FRAME, None, b"1,2\n", "text/csv"),
        (FRAME, "application/json", b'[{"a": 1}]', "application/json"),
    ],
)
def test_values_of_python(data, content_type, body, sent_as):
    payload = payloads.of_value(data, content_type)
    assert (payload.body, payload.content_type) == (body, sent_as)


def test_arrays_are_npy_or_rows():
    numpy = pytest.importorskip("numpy")
    array = numpy.array([[1.5, 2], [3, 4]])
    payload = payloads.of_value(array)
    assert payload.content_type == "application/x-npy"
    assert payload.body.startswith(b"\x93NUMPY")
    assert payloads.of_value(array, "text/csv").body == b"1.5,2.0\n3.0,4.0\n"


def test_file_is_sent_as_it_is(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(b"1,2\r\n")
    assert payloads.of_value(tmp_path / "a.csv") == (b"1,2\r\n", "text/csv", True)


def test_other_values_are_refused_by_their_type():
    with pytest.raises(DocumentError, match="data of type object cannot be sent") as raised:
        payloads.of_value(object())
    assert "DataFrame" in str(raised.value)
