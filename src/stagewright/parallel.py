"""Run calls in parallel threads. Most of them wait for AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TypeVar

THREADS = 8

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def run_parallel(function: Callable[[Argument], Result], arguments: Iterable[Argument]) -> list[Result]:
    """Call `function` with each argument, at most eight at a time. Return the results in order.

    If calls fail, wait for all started calls to end, then raise the error of the first argument that failed.
    `function` must not call `run_parallel`: a pool whose threads wait for its own threads deadlocks.
    """
    items = list(arguments)
    if len(items) < 2:
        return [function(item) for item in items]
    futures = [_pool().submit(function, item) for item in items]
    try:
        return [future.result() for future in futures]
    finally:
        for future in futures:
            future.cancel()
        wait(futures)


@cache
def _pool() -> ThreadPoolExecutor:
    """Return the pool of the process. Starting threads takes longer than most calls."""
    return ThreadPoolExecutor(THREADS, "stagewright")
