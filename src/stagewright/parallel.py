"""Calls side by side: waiting on AWS is most of what this layer does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

THREADS = 8

Given = TypeVar("Given")
Made = TypeVar("Made")


def together(act: Callable[[Given], Made], things: Iterable[Given]) -> list[Made]:
    """`act` of each thing, in order. The first failure is raised, once all that had begun have ended.

    `act` must not come here itself: threads that wait for threads of the same pool wait for ever.
    """
    given = list(things)
    if len(given) < 2:
        return [act(each) for each in given]
    futures = [_pool().submit(act, each) for each in given]
    try:
        return [future.result() for future in futures]
    finally:
        for future in futures:
            future.cancel()
        wait(futures)


@cache
def _pool() -> ThreadPoolExecutor:
    """Kept from call to call: starting threads takes longer than most calls."""
    return ThreadPoolExecutor(THREADS, "stagewright")
