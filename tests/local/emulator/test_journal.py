"""The journal returns every written change, even after damage to its files."""

from __future__ import annotations

from pathlib import Path

from stagewright.local.emulator.journal import Journal


def lines(folder: Path) -> list[list[object]]:
    return list(Journal(folder).changes())


def test_changes_stay_in_order_over_snapshots(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write("before", "it begins")
    assert journal.begin() == []
    journal.write("item", "a", {"N": "1"})
    earlier = journal.begin()
    journal.write("item", "b", None)
    assert lines(tmp_path) == [["item", "a", {"N": "1"}], ["item", "b", None]]
    for file in earlier:
        file.unlink()
    assert lines(tmp_path) == [["item", "b", None]]


def test_truncated_line_is_skipped(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.begin()
    journal.write("whole")
    journal.begin()
    journal.write("whole, too")
    first = min(tmp_path.iterdir())
    first.write_bytes(first.read_bytes() + b'["half')
    assert lines(tmp_path) == [["whole"], ["whole, too"]]


def test_new_journal_continues_the_numbers_of_earlier_ones(tmp_path: Path) -> None:
    Journal(tmp_path).begin()
    second = Journal(tmp_path)
    assert len(second.begin()) == 1
    second.write("new")
    assert lines(tmp_path) == [["new"]]
