"""Suggestions for unknown names, also among very many known ones."""

from __future__ import annotations

import difflib

import pytest

from stagewright.syntax.findings import MOST_COMPARED, closest_match, nearest, quoted

MANY = [f"parameter_{number}_of_the_document{'x' * (number % 7)}" for number in range(3000)] + ["min_r2"]


def test_a_near_name_is_suggested_among_many() -> None:
    assert nearest("min_r_2", MANY) == 'did you mean "min_r2"?'


def test_few_names_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    def get_close_matches(_name: str, names: list[str], n: int, cutoff: float) -> list[str]:
        compared.append(len(names))
        return names[:n] if cutoff else []

    monkeypatch.setattr(difflib, "get_close_matches", get_close_matches)
    closest_match("parameter_1_of_the_documnet", MANY)
    assert compared == [MOST_COMPARED]


def test_long_text_is_shortened_and_its_control_characters_are_escaped() -> None:
    assert quoted("a\x1b[1m") == r"'a\x1b[1m'"
    assert quoted("a" * 1000) == f"'{'a' * 197}...'"
