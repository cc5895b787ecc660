"""Pages: the running stages of a plan, as the state machine reads them. Each wave has pages of chains.

A page is a table item (DynamoDB: at most 400 KB) and part of the state of a walker (Step Functions: 256 KiB,
results included). A page therefore has at most 150 KB. Pages do not split chains; the planner cuts long ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from stagewright.errors import PlanError, Problem
from stagewright.naming import ATTEMPT, item_of
from stagewright.planner.model import Plan, StagePlan

LIMIT = 150_000
"""Maximum bytes of a page, in UTF-8."""
CHECKSUM_DIGITS = 32
"""Hexadecimal digits of a checksum: 128 bits, so that no other text with it can be made."""


@dataclass(frozen=True)
class Page:
    """A page. `name`: "<wave>-<page>-<checksum of the JSON>". `chains_json`: [[stage, stage], [stage]]."""

    name: str
    chains_json: str


def pages(plan: Plan) -> tuple[tuple[Page, ...], ...]:
    """Return the pages of each wave. Raises PlanError for a stage or chain that no page can hold."""
    stages = {stage.name: stage for stage in plan.stages}
    return tuple(
        tuple(
            _page(f"{number}-{index}", f"[{','.join(page)}]")
            for index, page in enumerate(_packed([_chain(plan, stages, chain) for chain in wave]))
        )
        for number, wave in enumerate(plan.waves)
    )


def checksum(text: str) -> str:
    """Return the beginning of the text's SHA-256, as the state machine computes it with `$hash`."""
    return hashlib.sha256(text.encode()).hexdigest()[:CHECKSUM_DIGITS]


def _page(name: str, chains_json: str) -> Page:
    return Page(f"{name}-{checksum(chains_json)}", chains_json)


def stage_json(pipeline: str, partition: str, stage: StagePlan) -> str:
    """Return one stage of a page. Raises PlanError if it exceeds the limit."""
    text = _text(
        {
            "name": stage.name,
            "kind": stage.kind,
            **_named(stage),
            "fingerprint": stage.fingerprint,
            "inputs": _text(stage.inputs),
            "stage_key": f"{pipeline}#{partition}#{stage.name}",
            "attempt": 1,
            "timeout": stage.timeout,
            "requests": {operation: _text(request) for operation, request in stage.requests.items()},
            "bindings": [asdict(binding) for binding in stage.bindings],
            **_flow(stage),
        }
    )
    if (size := len(text.encode()) + 2) > LIMIT:
        message = f"its plan has {size:,} bytes; the limit is {LIMIT:,}"
        remedy = "use fewer files, arguments or values"
        raise PlanError((Problem(f"stages.{stage.name}", message, remedy),))
    return text


def _named(stage: StagePlan) -> dict[str, Any]:
    """Return names and locations of the first attempt. `retry.named` has those of every attempt."""
    named = {"job": stage.job, "outputs": stage.outputs, "metrics": stage.metrics}
    if stage.attempts == 1:
        return named
    text = _text(named)
    first: dict[str, Any] = json.loads(text.replace(ATTEMPT, "1"))
    return {**first, "retry": {"attempts": stage.attempts, "wait": stage.wait, "named": text}}


def _flow(stage: StagePlan) -> dict[str, Any]:
    """Return the fields about gates, lists and parts. Empty ones are left out."""
    fields = {
        "else": stage.otherwise,
        "gates": stage.gates,
        "watch": stage.watch,
        "gathers": [asdict(gathered) for gathered in stage.gathers],
        "part": stage.part,
    }
    own = {"list": stage.of_list, "item": item_of(stage.name), "failures": stage.failures}
    return {name: value for name, value in fields.items() if value} | (own if stage.of_list else {})


def _chain(plan: Plan, stages: dict[str, StagePlan], names: Sequence[str]) -> str:
    text = ",".join(stage_json(plan.pipeline, plan.partition, stages[name]) for name in names)
    if len(text.encode()) + 4 > LIMIT:
        message = f"the chain of {len(names)} stages that begins here is too large for a page"
        raise PlanError((Problem(f"stages.{names[0]}", message),))
    return f"[{text}]"


def _packed(chains: Sequence[str]) -> list[list[str]]:
    """Fill pages with chains, in order."""
    pages: list[list[str]] = []
    room = 0
    for chain in chains:
        size = len(chain.encode()) + 1
        if size > room:
            pages.append([])
            room = LIMIT - 2
        pages[-1].append(chain)
        room -= size
    return pages


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
