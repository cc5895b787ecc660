"""Splits input files into records, and groups records into the payloads of requests."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

SINGLE = "SingleRecord"
MULTI = "MultiRecord"
MEGABYTE = 1 << 20
RECORD_LIMIT = 1 << 30
"""Bytes of one record, whatever MaxPayloadInMB is. A small gzip file can hold much more."""


class InputError(Exception):
    """An input file or a record that cannot be sent."""


@dataclass(frozen=True)
class Record:
    """A record. `sent` is the part that the model gets: what the input filter selects, or everything."""

    whole: bytes
    sent: bytes


@dataclass(frozen=True)
class MiniBatch:
    """The records of one request."""

    records: tuple[Record, ...]

    @property
    def payload(self) -> bytes:
        return b"\n".join(record.sent for record in self.records)


def read_records(file: Path, split_type: str, compression: str) -> Iterator[bytes]:
    """The lines of a file without line ends, or the whole file as one record. InputError if one is larger
    than RECORD_LIMIT."""
    with _opened(file, compression) as source:
        try:
            if split_type == "Line":
                while line := source.readline(RECORD_LIMIT + 1):
                    yield _checked(line).removesuffix(b"\n").removesuffix(b"\r")
            else:
                yield _checked(source.read(RECORD_LIMIT + 1))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InputError(f"the object is not in the gzip format ({error})") from error


def _checked(record: bytes) -> bytes:
    if len(record) > RECORD_LIMIT:
        raise InputError(
            f"a record has more than {RECORD_LIMIT:,} bytes; split the input (SplitType) or shorten its lines"
        )
    return record


def _opened(file: Path, compression: str) -> BinaryIO:
    return cast("BinaryIO", gzip.open(file)) if compression == "Gzip" else file.open("rb")


def mini_batches(records: Iterable[Record], strategy: str, megabytes: int) -> Iterator[MiniBatch]:
    """Batches of one record, or of as many as fit. 0 megabytes is no limit. InputError if a record is too
    large."""
    limit = megabytes * MEGABYTE
    batch: list[Record] = []
    size = 0
    for record in records:
        if limit and len(record.sent) > limit:
            raise InputError(
                f"a record of {len(record.sent)} bytes exceeds MaxPayloadInMB={megabytes}; "
                "raise it, or split the input (SplitType)"
            )
        # A newline precedes each record except the first.
        following = size + 1 + len(record.sent)
        if batch and (strategy == SINGLE or (limit and following > limit)):
            yield MiniBatch(tuple(batch))
            batch, following = [], len(record.sent)
        elif not batch:
            following = len(record.sent)
        batch.append(record)
        size = following
    if batch:
        yield MiniBatch(tuple(batch))
