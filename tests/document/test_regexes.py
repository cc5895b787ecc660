from __future__ import annotations

import pytest

from stagewright.document.trigger_checks import takes_long


@pytest.mark.parametrize(
    "regex",
    [
        "((?:[0-9]+)+)x$",
        "(a*)*b",
        "(?:a|a)*(b)",
        "(.*).*.*x",
        "((?:[0-9]{1,50}){1,50})x",
        "(?:(?:a?){30}(b))+",
    ],
)
def test_what_may_take_for_ever(regex):
    assert takes_long(regex)


@pytest.mark.parametrize(
    "regex",
    [r"day=([0-9-]+)/", r"raw/(\d{4}-\d{2})/", r"(?:a|b)/(\d+)", r"/(\d{8})[^/]*$", r"y=(\d{4}(?:-\d{2})?)"],
)
def test_what_dates_in_keys_look_like(regex):
    assert not takes_long(regex)
