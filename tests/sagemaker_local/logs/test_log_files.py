"""Log files: the bytes of a job, split into events that are read without keeping them in memory."""

from __future__ import annotations

import io
import tracemalloc
from contextlib import ExitStack, closing

import pytest

from sagemaker_local.logs.lines import EVENT_BYTES, events_of
from sagemaker_local.logs.log_file import SEGMENT, SEGMENT_BYTES, LogFile, LogWriter
from sagemaker_local.logs.log_stream import Logs


@pytest.fixture
def file(tmp_path):
    return tmp_path / "job/log"


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def stream(file, stack):
    return stack.enter_context(closing(Logs().open("/g", "job/algo-1", file)))


@pytest.fixture
def writer(file, stack):
    return stack.enter_context(closing(LogWriter(file)))


def write(stream, output: bytes) -> None:
    for event in events_of(io.BytesIO(output)):
        stream.write(event)


def messages(file) -> list[str]:
    return [event.message for event in LogFile(file).events()]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (b"one\ntwo\n", ["one", "two"]),
        (b"windows\r\n", ["windows"]),
        (b"no line end", ["no line end"]),
        (b"\x00\xff\xfe\n\x1b[31mred\x1b[0m\n", ["\x00��", "\x1b[31mred\x1b[0m"]),
        (b"10%\r20%\r\n", ["10%\r20%"]),
        (b"\n\n", ["", ""]),
        (b"", []),
    ],
)
def test_each_line_is_an_event_and_the_file_keeps_the_bytes(stream, file, output, expected):
    write(stream, output)
    assert messages(file) == expected
    assert file.read_bytes() == output + b"\n" * (output[-1:] not in (b"\n", b""))


@pytest.mark.parametrize("text", ["x" * 3_000_000, "é" * 400_000, "😀" * 300_000, "a" + "é" * 400_000])
def test_long_line_becomes_several_events_cut_between_characters(stream, file, text):
    write(stream, text.encode() + b"\nnext\n")
    *parts, last = messages(file)
    assert ("".join(parts), last) == (text, "next")
    assert len(parts) > 1
    assert max(len(part.encode()) for part in parts) <= EVENT_BYTES
    assert file.read_bytes() == text.encode() + b"\nnext\n"


def test_long_binary_line_fits_in_events_of_one_megabyte(stream, file):
    """An invalid byte becomes a character of three bytes. PutLogEvents accepts 1 MB with 26 bytes."""
    write(stream, b"\xff" * 1_000_000)
    sizes = [len(message.encode()) for message in messages(file)]
    assert sum(sizes) == 3_000_000
    assert max(sizes) + 26 <= 1_048_576


def test_note_with_line_ends_is_one_event(stream, file):
    stream.note("two\nlines")
    stream.write(b"after\n")
    assert messages(file) == ["two\nlines", "after"]


def test_events_before_an_offset_are_those_after_it_in_reverse(stream, file):
    write(stream, b"a\n" * 3 + b"y" * 600_000 + b"\n" + b"z\n" * 50_000)
    log = LogFile(file)
    events = list(log.events())
    assert list(log.events_before(log.end)) == events[::-1]
    for event in (events[0], events[2], events[4], events[100]):
        assert [later.start for later in log.events(event.end)] == [
            later.start for later in events if later.start >= event.end
        ]
        assert next(log.events_before(event.start), None) == (
            events[events.index(event) - 1] if event.start else None
        )


def test_times_select_events(file, writer):
    for time in (100, 100, 200, 150, 300):
        writer.append(f"{time}\n".encode(), time)
    log = LogFile(file)
    assert [event.time for event in log.events()] == [100, 100, 200, 200, 300]
    assert [len(list(log.events(log.offset_of(time)))) for time in (0, 100, 101, 200, 300, 301)] == [
        5, 5, 3, 3, 1, 0,
    ]  # fmt: skip


def test_events_of_an_earlier_time_are_inserted(file, writer):
    writer.append(b"line\r\n", 100)
    writer.insert([(300, b"late\n\n")])
    writer.insert([(50, b"early\n"), (200, b"between\n")])
    writer.append(b"last\n", 400)
    assert [(event.time, event.message) for event in LogFile(file).events()] == [
        (50, "early"), (100, "line"), (200, "between"), (300, "late\n"), (400, "last"),
    ]  # fmt: skip


DAMAGES = ("part of a segment", "segment without events", "part of an event", "no times")


@pytest.mark.parametrize("damage", DAMAGES)
def test_log_of_a_killed_server_keeps_what_was_on_disk(file, writer, stack, damage):
    for number in range(3):
        writer.append(f"line {number}\n".encode(), 1000 + number)
    writer.close()
    times = file.with_name("log.times")
    match damage:
        case "part of a segment":
            times.write_bytes(times.read_bytes() + b"\x00\x00\x01")
        case "segment without events":
            times.write_bytes(times.read_bytes() + SEGMENT.pack(10_000, 2 * 2000))
        case "part of an event":
            file.write_bytes(file.read_bytes() + b"line 3 is cu")
        case "no times":
            times.unlink()
    kept = ["line 0", "line 1", "line 2", *(["line 3 is cu"] if damage == "part of an event" else [])]
    assert messages(file) == kept
    again = stack.enter_context(closing(LogWriter(file)))
    again.append(b"after the restart\n", 5000)
    assert messages(file) == [*kept, "after the restart"]
    if damage != "no times":
        assert [event.time for event in LogFile(file).events()][:3] == [1000, 1001, 1002]


def test_line_that_is_being_written_is_not_read(file, stack):
    logs = Logs()
    stream = stack.enter_context(closing(logs.open("/g", "s", file)))
    stream.write(b"done\n")
    with file.open("ab") as torn:
        torn.write(b"half a li")
    assert [event.message for event in logs.read(file).events()] == ["done"]


def test_users_of_a_stream_share_its_file(file):
    logs = Logs()
    first, second = logs.open("/g", "s", file), logs.open("/g", "s", file)
    first.write(b"1\n")
    first.close()
    second.write(b"2\n")
    second.close()
    assert messages(file) == ["1", "2"]
    with closing(logs.open("/g", "s", file)) as again:
        again.write(b"3\n")
    assert messages(file) == ["1", "2", "3"]


def test_memory_does_not_grow_with_the_log(stream, file):
    tracemalloc.start()
    try:
        for _ in range(50_000):
            stream.write(b"x" * 99 + b"\n")
        count = sum(1 for _ in LogFile(file).events())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 50_000
    assert file.stat().st_size == 5_000_000
    assert peak < 2_000_000
    assert file.with_name("log.times").stat().st_size < 800_000


def test_tail_of_long_lines_stays_small(stream):
    write(stream, (b"x" * 5_000_000 + b"\n") * 3)
    assert sum(len(line) for line in stream.tail) <= 40 * 2 * 4096


def test_link_in_the_log_files_place_is_not_followed(tmp_path):
    """A job can reach its log by its real path."""
    (tmp_path / "secret").write_text("aws_secret_access_key = x\n")
    log = tmp_path / "log"
    writer = LogWriter(log)
    writer.append(b"mine\n", 1)
    log.unlink()
    log.symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic link"):
        list(LogFile(log).events())
    with pytest.raises(OSError, match="symbolic link"):
        LogWriter(log)
    writer.close()
    assert (tmp_path / "secret").read_text() == "aws_secret_access_key = x\n"


def test_segments_without_the_needed_bytes_are_skipped(writer, file):
    for number in range(3 * SEGMENT_BYTES // 10):
        writer.append(b"line %05d\n" % number, time=1)
    writer.append(b"a needle at the end\n", time=1)
    found = [event.message for event in LogFile(file).events(needed=b"needle")]
    assert found[-1] == "a needle at the end"
    assert len(found) <= SEGMENT_BYTES // 10
    assert list(LogFile(file).events(needed=b"no such text")) == []
