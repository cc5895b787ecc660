"""Cycles of upstream triggers: pipelines that would start each other endlessly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from stagewright.syntax.findings import Finding

UpstreamLookup = Callable[[str], Iterable[str]]
"""Pipeline -> the pipelines whose successful runs start it. Empty for an unknown pipeline."""


def cycle_message(chain: Iterable[str]) -> str:
    """Return the message for a chain of pipelines that start each other."""
    return f"upstream triggers form a cycle: {' -> '.join(chain)}"


def upstreams(document: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield the index of each upstream trigger of a document, valid or not, and the pipeline that it
    names."""
    triggers = document.get("triggers")
    for index, trigger in enumerate(triggers if isinstance(triggers, list) else ()):
        if isinstance(trigger, dict) and trigger.get("type") == "upstream":
            yield index, str(trigger.get("pipeline"))


def cycle_findings(document: Mapping[str, Any], upstreams_of: UpstreamLookup) -> Iterator[Finding]:
    """Yield the triggers of the document that close a cycle with other pipelines.

    `trigger_checks` rejects a pipeline that starts itself.
    """
    name = str(document.get("name"))
    for index, upstream in upstreams(document):
        if upstream != name and (chain := find_cycle(name, upstream, upstreams_of)):
            remedy = "remove this trigger, or one of another pipeline of the cycle"
            yield Finding(("triggers", index, "pipeline"), cycle_message(chain), remedy)


def find_cycle(pipeline: str, upstream: str, upstreams_of: UpstreamLookup) -> tuple[str, ...]:
    """Return the cycle that an upstream trigger of `pipeline` closes, in the order of runs, or ()."""
    seen = {upstream}
    chains: list[tuple[str, ...]] = [(upstream, pipeline)]
    while chains:
        chain = chains.pop()
        for name in upstreams_of(chain[0]):
            if name == pipeline:
                return (pipeline, *chain)
            if name not in seen:
                seen.add(name)
                chains.append((name, *chain))
    return ()
