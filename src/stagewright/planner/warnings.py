"""Plan warnings based on earlier runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence, Set

from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_sites import texts
from stagewright.planner.model import GoodResult, StagePlan
from stagewright.syntax.findings import nearest
from stagewright.syntax.references import Reference, find_references


def missing_metrics(
    pipeline: Pipeline, running: Set[str], results: Mapping[str, Sequence[GoodResult]]
) -> Iterator[str]:
    """Yield a warning for each reference to a metric that the last result of a running stage did not have."""
    for name in (name for name in pipeline.stages if name in running):
        for _, text, _ in texts(pipeline.stages[name]):
            for reference in find_references(text) if ".metrics." in text else ():
                previous = results.get(reference.stage or "", ()) if reference.stage in running else ()
                if previous and (warning := _missing_metric(reference, previous[0])):
                    yield f"{name}: {warning}"


def _missing_metric(reference: Reference, last: GoodResult) -> str:
    """Return a warning, or "" if the result has the metric, or has no metrics at all."""
    _, stage, word, *names = reference.path
    known = last.result.get("metrics", {})
    if word != "metrics" or not known or names[0] in known:
        return ""
    return f"{stage} had no metric {names[0]} in run {last.run}; {nearest(names[0], known, 'it had')}"


def orphaned_endpoints(
    planned: Collection[StagePlan], results: Mapping[str, Sequence[GoodResult]]
) -> Iterator[str]:
    """Yield a warning for each endpoint of a last result that no stage deploys to anymore."""
    deployed = {_endpoint(stage) for stage in planned}
    for stage in planned:
        previous = results.get(stage.name, ())
        orphan = previous[0].result.get("endpoint") if previous else None
        if orphan and stage.action == "run" and orphan not in deployed:
            remedy = f"when it is no longer used: aws sagemaker delete-endpoint --endpoint-name {orphan}"
            message = f"endpoint {orphan} of run {previous[0].run} keeps running and costs money"
            yield f"{stage.name}: deploys to {_endpoint(stage)}; {message} ({remedy})"


def _endpoint(stage: StagePlan) -> str:
    """Return the endpoint that a stage deploys to, or the one of its reused result, or ""."""
    request = stage.requests.get("CreateEndpoint", {}) if stage.action == "run" else {}
    return str(request.get("EndpointName") or stage.result.get("endpoint") or "")
