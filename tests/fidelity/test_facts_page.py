"""docs/fidelity.md and the steps of the smoke test name the same facts."""

from __future__ import annotations

from collections import Counter

import pytest
from tools.aws_facts import not_tried, page, report

TEXT = page.PAGE.read_text(encoding="utf-8")
STEPS = [step.id for step in report.STEPS]
FACTS = [step for step in STEPS if step.startswith("F")]


def test_every_fact_of_the_page_has_an_id_of_its_own():
    assert page.unnumbered(TEXT) == []
    assert [name for name, count in Counter(page.ids(TEXT)).items() if count > 1] == []


def test_every_fact_has_either_a_step_or_a_reason_why_it_is_not_tried():
    assert set(page.ids(TEXT)) == set(FACTS) | not_tried.REASONS.keys()
    assert set(FACTS) & not_tried.REASONS.keys() == set()
    assert [name for name, count in Counter(STEPS).items() if count > 1] == []
    assert all(not_tried.REASONS.values())


@pytest.mark.parametrize(
    ("heading", "line"),
    [
        ("## Not confirmed\n", "- That something is so.\n"),
        ("## Review against primary sources\n", "| X9 | a | b | c | whether it is so |\n"),
        ("## Differences on purpose\n", "| a subject | here | not documented |\n"),
    ],
)
def test_fact_without_an_id_is_noticed(heading, line):
    assert heading in TEXT
    assert page.unnumbered(TEXT.replace(heading, heading + line)) == [line.strip()]


def test_table_names_every_fact_once_in_order():
    verdicts = report.complete([])
    assert [verdict.id for verdict in verdicts if verdict.id[0] == "F"] == sorted(
        page.ids(TEXT), key=lambda name: int(name[1:])
    )
    assert all(verdict.outcome == "not tried" and verdict.details for verdict in verdicts)
    assert report.table(verdicts).endswith(f"0 confirmed, 0 differs, {len(verdicts)} not tried")
