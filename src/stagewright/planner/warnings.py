"""What a plan cannot judge, and looks wrong by what is known of earlier runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence, Set

from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_sites import texts
from stagewright.planner.model import GoodResult, StagePlan
from stagewright.syntax.findings import nearest
from stagewright.syntax.references import Reference, find_references


def doubts(
    pipeline: Pipeline, running: Set[str], results: Mapping[str, Sequence[GoodResult]]
) -> Iterator[str]:
    """Metrics that stages refer to, and that the last result of a stage which runs again did not have."""
    for name in (name for name in pipeline.stages if name in running):
        for _, text, _ in texts(pipeline.stages[name]):
            for reference in find_references(text) if ".metrics." in text else ():
                good = results.get(reference.stage or "", ()) if reference.stage in running else ()
                if good and (told := _unknown_metric(reference, good[0])):
                    yield f"{name}: {told}"


def _unknown_metric(reference: Reference, last: GoodResult) -> str:
    """Empty where the metric was there, or nothing is known of the stage's metrics."""
    _, stage, word, *names = reference.path
    known = last.result.get("metrics", {})
    if word != "metrics" or not known or names[0] in known:
        return ""
    return f"{stage} had no metric {names[0]} in run {last.run}; {nearest(names[0], known, 'it had')}"


def orphaned_endpoints(
    planned: Collection[StagePlan], results: Mapping[str, Sequence[GoodResult]]
) -> Iterator[str]:
    """Endpoints of last results, which are still there, and which the stage deploys to no more."""
    served = {_endpoint(each) for each in planned}
    for stage in planned:
        good = results.get(stage.name, ())
        before = good[0].result.get("endpoint") if good else None
        if before and stage.action == "run" and before not in served:
            remedy = f"once nothing asks it: aws sagemaker delete-endpoint --endpoint-name {before}"
            left = f"endpoint {before} of run {good[0].run} goes on beside it, at its cost"
            yield f"{stage.name}: deploys to {_endpoint(stage)}, and {left} ({remedy})"


def _endpoint(stage: StagePlan) -> str:
    """That a stage deploys to, or that stands for it; empty where there is none."""
    asked = stage.requests.get("CreateEndpoint", {}) if stage.action == "run" else {}
    return str(asked.get("EndpointName") or stage.result.get("endpoint") or "")
