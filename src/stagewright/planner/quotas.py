"""Compare a plan with the service quotas of an account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from stagewright.planner.model import Plan


def peaks(plan: Plan) -> dict[str, int]:
    """Return quota name -> the maximum number of instances that the plan uses at one time.

    Names are those of Service Quotas, such as `ml.m5.xlarge for training job usage`. Waves run one after
    another, and so do the stages of a chain.
    """
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
    """Yield a message for each quota that the plan exceeds. `quotas`: name -> value."""
    for quota, count in sorted(peaks(plan).items()):
        if quota in quotas and count > quotas[quota]:
            yield f'the plan uses {count} at once; the account\'s quota "{quota}" is {quotas[quota]:g}'
