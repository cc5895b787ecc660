"""What an account's quotas would refuse of a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from stagewright.planner.model import Plan


def peaks(plan: Plan) -> dict[str, int]:
    """Quota, as Service Quotas names it (`ml.m5.xlarge for training job usage`) -> the most instances that
    the plan holds at one time: the waves follow one another, and so do the stages of a chain."""
    stages = {stage.name: stage for stage in plan.stages}
    most: dict[str, int] = {}
    for wave in plan.waves:
        at_once: Counter[str] = Counter()
        for chain in wave:
            highest: dict[str, int] = {}
            for name in chain:
                for use in stages[name].uses:
                    quota = f"{use.instance_type} for {use.purpose} usage"
                    highest[quota] = max(highest.get(quota, 0), use.instances)
            at_once.update(highest)
        most |= {quota: max(count, most.get(quota, 0)) for quota, count in at_once.items()}
    return most


def exceeded(plan: Plan, quotas: Mapping[str, float]) -> Iterator[str]:
    """A sentence for each quota of `quotas` (name -> value) that the plan goes beyond."""
    for quota, count in sorted(peaks(plan).items()):
        if quota in quotas and count > quotas[quota]:
            yield f'the plan holds {count} at once, and the account\'s quota "{quota}" is {quotas[quota]:g}'
