"""Patterns of users that backtrack: they end within a time limit, and match what they match in AWS."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stagewright.local.emulator import regexes
from stagewright.local.emulator.regexes import Expressions

pytestmark = pytest.mark.slow

LONG = "a" * 5_000
MODULES = (
    "services.sns",
    "services.cloudwatch_logs",
    "services.stepfunctions",
    "services.s3",
    "core.iam_evaluator",
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regexes, "SECONDS", 0.3)


@pytest.fixture
def patched() -> Iterator[Callable[[str], Any]]:
    modules = {name: import_module(f"ministack.{name}") for name in MODULES}
    with pytest.MonkeyPatch.context() as patch:
        for module in modules.values():  # restores them afterwards
            name = "_re" if module.__name__.endswith("sns") else "re"
            patch.setattr(module, name, re)
        regexes.limit_in(*modules.values())
        yield modules.__getitem__


def ticks(act: Callable[[], Any]) -> tuple[int, Any]:
    """How often another thread runs meanwhile, and the result or the error."""
    ended, count = threading.Event(), 0

    def tick() -> None:
        nonlocal count
        while not ended.wait(0.01):
            count += 1

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        result = act()
    except TimeoutError as error:
        result = error
    ended.set()
    thread.join()
    return count, result


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+c", "(.*a){20}b"])
def test_slow_expression_of_a_query_ends_and_other_threads_go_on(pattern: str) -> None:
    count, result = ticks(lambda: Expressions.compile(pattern).search(LONG + "!"))
    assert isinstance(result, TimeoutError)
    assert count >= 3


STARS = "*".join(["", *"aaaaaaaaaaaaaaa", ""])


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (STARS + "b", LONG, False),
        (STARS, LONG, True),
        ("a*b*c", "a--b--c", True),
        ("a*b*c", "a--c--b", False),
        ("*b", "ab\\b", True),
        ("a", "a", True),
        ("a", "ab", False),
        ("a*", "a", True),
        ("*", "", True),
        ("a.c", "abc", False),
        ("(a+)+$", "(a+)+$", True),
    ],
)
@pytest.mark.parametrize("user", ["states", "cors", "filter"])
def test_globs_match_at_once(
    patched: Callable[[str], Any], user: str, pattern: str, text: str, matches: bool
) -> None:
    began = time.monotonic()
    if user == "states":
        evaluate = patched("services.stepfunctions")._evaluate_rule
        rule = {"Variable": "$.x", "StringMatches": pattern}
        assert evaluate(rule, {"x": text}) is matches
    elif user == "filter":
        assert patched("services.sns")._wildcard_matches(text, pattern) is matches
    else:
        assert patched("services.s3")._cors_pattern_matches(pattern, text) is matches
    assert time.monotonic() - began < 5


def test_slow_pattern_of_a_policy_ends(patched: Callable[[str], Any]) -> None:
    match = patched("core.iam_evaluator").fnmatch_iam
    assert match("s3:GetObject", "s3:Get*")
    assert not match("s3:PutObject", "s3:Get*")
    count, _ = ticks(lambda: match("a" * 200, "*a" * 30 + "b"))
    assert count >= 3


def test_wildcards_of_events_do_not_backtrack() -> None:
    regex_of = import_module("ministack.services.eventbridge")._wildcard_regex
    began = time.monotonic()
    assert not regex_of("*a" * 40 + "*b").match(LONG)
    assert regex_of("*a" * 40 + "*").match(LONG)
    assert time.monotonic() - began < 5


def test_slow_query_is_refused_with_the_reason(client: Callable[[str], Any]) -> None:
    logs = client("logs")
    logs.create_log_group(logGroupName="slow")
    logs.create_log_stream(logGroupName="slow", logStreamName="s")
    now = int(time.time())
    event = {"timestamp": now * 1000, "message": json.dumps({"text": LONG + "!"})}
    logs.put_log_events(logGroupName="slow", logStreamName="s", logEvents=[event])
    query = {"logGroupName": "slow", "startTime": now - 60, "endTime": now + 60}
    logs.start_query(**query, queryString="fields @message | filter @message like /text/")
    with pytest.raises(ClientError, match="takes longer than a second on one event"):
        logs.start_query(**query, queryString="fields @message | filter @message like /(a+)+$/")
    assert logs.describe_log_groups(logGroupNamePrefix="slow")["logGroups"]
