"""Pipelines that would start one another for ever, by upstream triggers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from stagewright.syntax.findings import Finding

Before = Callable[[str], Iterable[str]]
"""Pipeline -> those whose good ends start it; none of one that is not known."""


def cycle_message(chain: Iterable[str]) -> str:
    return f"upstream triggers form a circle: {' -> '.join(chain)}"


def upstreams(document: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """The pipelines that a document, right or wrong, waits for, each with its trigger's place."""
    triggers = document.get("triggers")
    for index, trigger in enumerate(triggers if isinstance(triggers, list) else ()):
        if isinstance(trigger, dict) and trigger.get("type") == "upstream":
            yield index, str(trigger.get("pipeline"))


def cycle_findings(document: Mapping[str, Any], before: Before) -> Iterator[Finding]:
    """The triggers by which this document closes a circle with others. That it starts itself is another
    rule's."""
    name = str(document.get("name"))
    for index, upstream in upstreams(document):
        if upstream != name and (chain := find_cycle(name, upstream, before)):
            remedy = "remove this trigger, or one of another pipeline of the circle"
            yield Finding(("triggers", index, "pipeline"), cycle_message(chain), remedy)


def find_cycle(pipeline: str, upstream: str, before: Before) -> tuple[str, ...]:
    """The circle that `pipeline` closes by waiting for `upstream`, in the order of runs; empty if none."""
    seen = {upstream}
    chains: list[tuple[str, ...]] = [(upstream, pipeline)]
    while chains:
        chain = chains.pop()
        for name in before(chain[0]):
            if name == pipeline:
                return (pipeline, *chain)
            if name not in seen:
                seen.add(name)
                chains.append((name, *chain))
    return ()
