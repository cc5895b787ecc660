"""Patterns of ours that search users' texts need few steps, also for texts of 100,000 characters."""

from __future__ import annotations

import re
from contextlib import closing

import pytest

from sagemaker_local.images.environments import PATHS_IN_REQUIREMENTS
from sagemaker_local.jobs.matcher import Matcher
from stagewright.api.formatting import SCRIPT_FAILED
from stagewright.api.overlays import _ENVIRONMENT
from stagewright.document.secrets import _HARMLESS
from stagewright.local.server import MISSING_MODULE
from stagewright.syntax.dates import _DATES
from stagewright.syntax.references import _TOKEN as REFERENCE

SEARCHING = {
    "requirements": PATHS_IN_REQUIREMENTS,
    "tfvars": _ENVIRONMENT,
    "failure reason": SCRIPT_FAILED,
    "server log": MISSING_MODULE,
    "secret": _HARMLESS,
    "date": _DATES,
    "reference": REFERENCE,
}
UNITS = ("\n", " ", "a", "1", "${", "2026-01-", '"', "environment ", "-", 'ErrorMessage "')


@pytest.mark.parametrize("pattern", SEARCHING.values(), ids=list(SEARCHING))
def test_search_is_not_skipped_for_its_processor_time(pattern: re.Pattern[str]) -> None:
    flags = "".join(letter for letter in "ims" if pattern.flags & getattr(re, letter.upper()))
    expression = f"(?{flags})(?:{pattern.pattern})" if flags else pattern.pattern
    texts = [(unit * 100_000)[:100_000] + "!" for unit in UNITS]
    with closing(Matcher([f"{expression}()" if not pattern.groups else expression])) as matcher:
        _, skipped = matcher.search(texts)
    assert skipped == []
