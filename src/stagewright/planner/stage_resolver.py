"""Resolves the references of one stage after the other, and builds their requests.

A stage is resolved twice. For its fingerprint, job names, output locations and upstream results are symbols,
since they differ between runs that compute the same. For its requests, they are the real values, or tokens
that the state machine replaces during the run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from functools import cached_property, partial, reduce
from typing import Any

from stagewright.catalog import images
from stagewright.catalog.request_contract import TOKEN, tokens_in
from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_sites import texts
from stagewright.errors import PlanError, Problem
from stagewright.naming import ATTEMPT, item_of, stage_of
from stagewright.planner import fingerprint, gathering
from stagewright.planner.external_inputs import external_of
from stagewright.planner.model import Binding, Recorded, StagePlan, Trigger
from stagewright.planner.stage_files import bundle
from stagewright.planner.stage_rendering import environment_of, rendered, rendered_defaults
from stagewright.planner.values import Lookup, Values, document_values, lookup
from stagewright.stages.base import limits
from stagewright.stages.base.job_settings import NO_SETTINGS, JobSettings, definitions, value_at
from stagewright.stages.base.request import BuildContext, Requests, Served
from stagewright.stages.base.schema import JobFields, Measured, Serving
from stagewright.stages.registry import KINDS, AnyStage, build
from stagewright.syntax import metric_path
from stagewright.syntax.condition import references
from stagewright.syntax.findings import nearest
from stagewright.syntax.references import (
    Reference,
    find_references,
    render,
    sole_reference,
    source_of,
    text_of,
)

REQUIREMENTS = "requirements.txt"
TRAINING_OPERATIONS = ("CreateTrainingJob", "CreateHyperParameterTuningJob")
NO_CHAMPION = "none yet"
"""Replaces a champion's metric in a fingerprint while there is no champion."""


@dataclass(frozen=True)
class ResolvedStage:
    """What decides whether a stage runs: the inputs of its fingerprint, and its code files."""

    inputs: Mapping[str, str]
    bundle: tuple[str, ...]

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint.digest(self.inputs)

    @property
    def lacks_champion(self) -> bool:
        """Whether the stage is a gate that compares with a champion, and there is none."""
        return any(
            path.startswith("champion.") and value == NO_CHAMPION for path, value in self.inputs.items()
        )


@dataclass(frozen=True)
class BuiltStage:
    """What a stage needs to run."""

    requests: Requests
    bindings: tuple[Binding, ...]
    outputs: Mapping[str, str]
    metrics: Mapping[str, Any]
    timeout: int
    tokens: re.Pattern[str]
    """Matches the tokens in the requests."""


class StageResolver:
    """Resolves references to the document, the trigger, and the stages added so far."""

    def __init__(self, pipeline: Pipeline, trigger: Trigger, recorded: Recorded, run: str) -> None:
        self.pipeline = pipeline
        self.recorded = recorded
        self.run = run
        self.values = document_values(pipeline, trigger, recorded.installation, run)
        self.symbols = document_values(pipeline, trigger, recorded.installation, "<run>")
        self.reviewed = _reviewed_values(pipeline, trigger, recorded, run)
        self.stages: dict[str, StagePlan] = {}
        self.skipped: set[str] = set()
        self.literals: dict[str, frozenset[str]] = {}
        """What looks like a token in the document's values of each stage."""

    @property
    def partition(self) -> str:
        return str(self.values["partition",])

    def add(self, stage: StagePlan) -> None:
        """Let following stages refer to this one."""
        self.stages[stage.name] = stage
        if stage.action == "skip":
            self.skipped.add(stage.name)

    def has(self, stages: Set[str]) -> bool:
        """Return whether all these stages have been added. A stage with a problem is not."""
        return stages <= self.stages.keys()

    def resolve(self, name: str, needs: Iterable[str]) -> ResolvedStage:
        """Resolve a stage for its fingerprint. `needs`: the stages that it depends on.

        Raises PlanError as `sources` does.
        """
        files, external = self.sources(name)
        requests = self._build(name, self._symbol, self.symbols, "<job>", "<outputs>", "<code>")
        self.literals[name] = tokens_in(requests)
        upstream = self._upstream(name, [need for need in needs if self.stages[need].action != "skip"])
        inputs = fingerprint.inputs(requests, files, self.recorded.release, external, upstream)
        measured = _metric_inputs(self.pipeline.stages[name])
        return ResolvedStage(inputs | measured | self._champion_inputs(name), files)

    def _upstream(self, name: str, needs: Iterable[str]) -> dict[str, str]:
        """Return stage -> fingerprint. The instances of another list are one entry, to save room."""
        own, stages = self.pipeline.list_of(name), self.pipeline.stages
        single: dict[str, str] = {}
        instances: dict[str, dict[str, str]] = {}
        for need in sorted(needs):
            if stages[need].for_each in (None, own):
                single[need] = self.stages[need].fingerprint
            else:
                instances.setdefault(stage_of(need), {})[need] = self.stages[need].fingerprint
        return single | {stage: fingerprint.digest(prints) for stage, prints in instances.items()}

    def sources(self, name: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """Return the code files of a stage, and its external inputs with their digests.

        Raises PlanError if files, data or results of skipped stages are missing.
        """
        stage = self.pipeline.stages[name]
        problems: list[Problem] = []
        files: tuple[str, ...] = ()
        try:
            files = bundle(stage, name, self.recorded.release)
        except PlanError as error:
            problems += error.problems
        external = dict(external_of(stage, self.values))
        problems += self._missing_results(name)
        problems += gathering.problems(self.pipeline, name, self.stages)
        problems += self._missing_data(name, external)
        if problems:
            raise PlanError(tuple(problems))
        return files, {uri: self.recorded.external[uri] for uri in external.values()}

    def build(self, name: str, job: str, files: tuple[str, ...]) -> BuiltStage:
        """Build the requests of a stage that runs.

        Raises PlanError if an earlier result lacks a value that the stage refers to, or if an image does not
        exist.
        """
        stage = self.pipeline.stages[name]
        uri = self.recorded.installation.uri
        own = f"/{item_of(name)}" if stage.for_each else ""
        own += f"/{ATTEMPT}" if stage.retry else ""
        outputs = uri(f"runs/{self.pipeline.name}/{self.run}/{stage_of(name)}{own}")
        code = uri(f"code/{self.pipeline.name}/{self.recorded.release.bundle(files)}") if files else ""
        bindings: dict[str, Binding] = {}
        reused: list[Any] = []
        lookup_value = self._value_lookup(name, bindings, reused)
        requests = self._build(
            name, lookup_value, self.values, job, outputs, code, own if stage.for_each else ""
        )
        _check_isolation(name, requests, files)
        if self._jobs(name, stage, self.values).encrypt_traffic:
            _check_one_instance(name, requests)
        tokens = self._tokens(name, bindings, reused)
        kind = KINDS[stage.kind].request
        locations = kind.outputs(stage, requests)
        return BuiltStage(
            requests,
            tuple(bindings.values()),
            locations,
            _metrics_file(stage, locations),
            kind.timeout(stage, requests),
            tokens,
        )

    def _tokens(self, name: str, bindings: Iterable[str], reused: list[Any]) -> re.Pattern[str]:
        """Return a pattern of the stage's tokens. `reused`: its values from reused results.

        Raises PlanError if a value contains a token: the state machine would replace it.
        """
        tokens = {*bindings, ATTEMPT}
        literals = self.literals.get(name, frozenset()) | tokens_in([reused, self._lineage()])
        if clashes := sorted(literals & tokens):
            message = f"a value contains {clashes[0]}, which the run replaces by a value of its own"
            raise PlanError((Problem(f"stages.{name}", message, "write the value in another way"),))
        return re.compile("|".join(map(re.escape, tokens))) if literals else TOKEN

    def _missing_results(self, name: str) -> Iterator[Problem]:
        """Yield the references of a stage to skipped stages, which have no result."""
        for _, text, _ in texts(self.pipeline.stages[name]) if self.skipped else ():
            for reference in find_references(text):
                if reference.stage in self.skipped:
                    why = self.stages[reference.stage].reason
                    message = f"{why}, and there is no result in partition {self.partition}"
                    yield Problem(
                        f"stages.{reference.stage}",
                        f"{message}; {name} needs {reference.text}",
                        "enable it for one run",
                    )

    def _missing_data(self, name: str, external: Mapping[str, str]) -> Iterator[Problem]:
        remedy = "upload it, or name it in sample_data"
        if self.values["trigger", "date"] in "".join(external.values()):
            remedy += "; --date DATE is for another date, stagewright backfill PIPELINE for several"
        for field, uri in external.items():
            if not self.recorded.external.get(uri):
                yield Problem(f"stages.{name}.{field}", f"nothing at {uri}", remedy)

    def _build(
        self, name: str, find: Lookup, values: Values, job: str, outputs: str, code: str, own: str = ""
    ) -> Requests:
        original = self.pipeline.stages[name]
        stage = rendered(original, find)
        defaults = self.pipeline.defaults

        def text(value: str) -> str:
            return text_of(render(value, lambda reference: lookup(values, reference)))

        image, instance_type = self._image(name, original, text)
        context = BuildContext(
            installation=self.recorded.installation,
            pipeline=self.pipeline.name,
            stage=name,
            run=values["run", "id"],
            job=job,
            outputs=outputs,
            own_folder=own,
            code=code,
            image=image,
            instance_type=instance_type,
            environment=environment_of(
                stage, {key: text(value) for key, value in defaults.environment.items()}
            ),
            tags={key: text(value) for key, value in defaults.tags.items()},
            jobs=self._jobs(name, stage, values),
            lineage=self._lineage() if values is self.values else {},
            served=_served(original),
            find=find,
            find_reviewed=self._reviewed_lookup(find),
        )
        return build(stage, context)

    def _jobs(self, name: str, stage: AnyStage, values: Values) -> JobSettings:
        """Return the settings of a rendered stage's jobs. Raises PlanError if the document widens them."""
        installed = self.recorded.jobs
        defaults = rendered_defaults(self.pipeline.defaults, partial(lookup, values))
        own: list[tuple[JobFields, str]] = [(defaults, "defaults")]
        if isinstance(stage, JobFields):
            own.append((stage, f"stages.{name}"))
        problems = [problem for fields, path in own for problem in installed.widened(fields, path)]
        problems += _tag_problems(defaults.tags, installed.tags)
        if problems:
            raise PlanError(tuple(problems))
        if values is self.symbols and KINDS[stage.kind].has_job:
            return NO_SETTINGS  # where a job runs is not an input of its result
        return reduce(lambda settings, fields: settings.narrowed(fields[0]), own, installed)

    def _image(self, name: str, stage: AnyStage, text: Callable[[str], str]) -> tuple[str, str]:
        """Return image URI and instance type of a stage. Each is "" if the stage has none."""
        scope = KINDS[stage.kind].request.image
        if not scope:
            return "", ""
        instance_type = text(stage.main_instance_type or self.pipeline.defaults.instance_type or "")
        if _served(stage) in ("package", "model"):
            return "", instance_type
        alias = getattr(stage, "image", None) or self._training_image(stage) or self.pipeline.defaults.image
        region = self.recorded.installation.region
        try:
            image = images.resolve(text(alias or ""), region, instance_type, scope)
        except PlanError as error:
            path = f"stages.{name}.image"
            raise PlanError(tuple(replace(problem, path=path) for problem in error.problems)) from None
        return image, instance_type

    def _training_image(self, stage: AnyStage) -> str | None:
        """Return the image that trained the model which the stage serves, its default for serving."""
        reference = sole_reference(stage.model) if isinstance(stage, Serving) else None
        trained = self.pipeline.stages[reference.stage] if reference and reference.stage else None
        return trained.training_image if trained else None

    def _lineage(self) -> dict[str, str]:
        release = self.recorded.release
        lineage = {
            "stagewright:pipeline": self.pipeline.name,
            "stagewright:run": self.run,
            "stagewright:release": release.digest,
            "stagewright:revision": str(self.recorded.revision),
        }
        return lineage | ({"stagewright:commit": release.commit} if release.commit else {})

    def _symbol(self, reference: Reference) -> Any:
        """Return a document value as it is, and a symbol for the result of a stage."""
        if reference.gathered:
            return f"<{'.'.join(reference.path[1:])}>/"
        if not reference.stage:
            return reference.text if reference.of_champion else lookup(self.symbols, reference)
        return f"<{'.'.join(reference.path[1:])}>"

    def _value_lookup(self, name: str, bindings: dict[str, Binding], reused: list[Any]) -> Lookup:
        """Return a lookup for values of a run.

        A value that only the run will know becomes a token, and is added to `bindings`. A value of a reused
        result is added to `reused`.
        """

        def value(reference: Reference) -> Any:
            if reference.of_champion:
                return self._champion_metric(name, reference)
            if not reference.stage:
                return lookup(self.values, reference)
            source = self.stages[reference.stage]
            path = reference.path[2:]
            if source.action == "reuse":
                reused.append(_recorded_value(name, source, path))
                return reused[-1]
            if path[0] == "outputs" and source.attempts == 1:
                return source.outputs[path[1]]
            token = f"<<{'.'.join(reference.path[1:])}>>"
            bindings[token] = Binding(token, reference.path[1:])
            return token

        return value

    def _reviewed_lookup(self, find: Lookup) -> Lookup:
        """Return a lookup that has the values of the pushed document for parameters that the run changed."""

        def value(reference: Reference) -> Any:
            return self.reviewed[reference.path] if reference.path in self.reviewed else find(reference)

        return value

    def _champion_inputs(self, name: str) -> dict[str, str]:
        """Return the champion's metrics that a gate compares with, as inputs of its fingerprint."""
        stage = self.pipeline.stages[name]
        if not stage.judges:
            return {}
        compared = [reference for reference in references(stage.condition) if reference.of_champion]
        metrics = {".".join(reference.path): self._champion_metric(name, reference) for reference in compared}
        return {path: NO_CHAMPION if value is None else text_of(value) for path, value in metrics.items()}

    def _champion_metric(self, name: str, reference: Reference) -> Any:
        """Return a metric of the champion, or None if there is no champion.

        Raises PlanError if the champion has no such metric.
        """
        champion = self.recorded.champion
        if champion is None:
            return None
        _, stage, word, metric = reference.path
        result = champion.results.get(stage)
        value = result.result.get(word, {}).get(metric) if result else None
        if value is None:
            origin = (
                f"made by run {champion.run}" if champion.run else "not made by a run of this installation"
            )
            message = f"the champion ({champion.package}, {origin}) has no {stage}.{word}.{metric}"
            remedy = "leave this comparison out until a version that has it is approved"
            raise PlanError((Problem(f"stages.{name}.require", message, remedy),))
        return value


def _reviewed_values(pipeline: Pipeline, trigger: Trigger, recorded: Recorded, run: str) -> Values:
    """Return the parameters as the pushed document has them, where the run has others: path -> value."""
    pushed = pipeline.model_copy(update={"parameters": {**pipeline.parameters, **recorded.reviewed}})
    values = document_values(pushed, trigger, recorded.installation, run)
    return {("parameters", name): values["parameters", name] for name in recorded.reviewed}


def _recorded_value(name: str, source: StagePlan, path: tuple[str, ...]) -> Any:
    """Return a value of a reused result. Raises PlanError if it has no such value."""
    value: Any = source.result
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        message = f"{source.name} has no {'.'.join(path)} in run {source.reused_from}, whose result is reused"
        known = source.result.get(path[0])
        has = nearest(path[-1], known, "it has") if len(path) > 1 and isinstance(known, Mapping) else ""
        remedy = "; or ".join(filter(None, (has, f"run {source.name} again")))
        raise PlanError((Problem(f"stages.{name}", message, remedy),))
    return value


def _check_isolation(name: str, requests: Requests, files: Collection[str]) -> None:
    """Raise PlanError if a training container without a network would download its script or packages."""
    jobs = [
        part
        for operation, request in requests.items()
        if operation in TRAINING_OPERATIONS
        for _, part in definitions(operation, request)
        if value_at(part, "EnableNetworkIsolation")
    ]
    fixed = [{**job.get("HyperParameters", {}), **job.get("StaticHyperParameters", {})} for job in jobs]
    if any("s3://" in values.get("sagemaker_submit_directory", "") for values in fixed):
        message = "the container has no network, so it cannot download its script"
        remedy = "set network_isolation: true in place of EnableNetworkIsolation"
        raise PlanError((Problem(f"stages.{name}.request", message, remedy),))
    if jobs and REQUIREMENTS in files:
        message = f"{REQUIREMENTS} cannot be installed: the container has no network (network_isolation)"
        raise PlanError((Problem(f"stages.{name}", message, "use an image that has the packages"),))


def _check_one_instance(name: str, requests: Requests) -> None:
    """Raise PlanError if a training job of several instances would not encrypt the traffic between them."""
    resources = requests.get("CreateTrainingJob", {}).get("ResourceConfig", {})
    groups = resources.get("InstanceGroups", ())
    if any(part.get("InstanceCount", 1) != 1 for part in (resources, *groups)) or len(groups) > 1:
        message = "Step Functions cannot encrypt the traffic between the instances of a training job"
        remedy = "use one instance, or a tuning stage with max_jobs: 1"
        raise PlanError((Problem(f"stages.{name}.instance_count", message, remedy),))


def _tag_problems(tags: Mapping[str, str], installed: Mapping[str, str]) -> Iterator[Problem]:
    """Yield the document's tags that the installation sets itself, and a problem if there are too many."""
    for key in sorted(key for key in tags.keys() & installed.keys() if tags[key] != installed[key]):
        message = f"the installation sets the tag {key}: {installed[key]}"
        yield Problem(f"defaults.tags.{key}", message, "use another key")
    if (count := len({**tags, **installed})) > limits.TAGS:
        message = f"{count} tags with those of the installation, but AWS accepts at most {limits.TAGS}"
        yield Problem("defaults.tags", message, "use fewer tags")


def _served(stage: AnyStage) -> Served:
    """Return what the stage's `model` names, or "" if it has none."""
    return source_of(stage.model) if isinstance(stage, Serving) else ""


def _metrics_file(stage: AnyStage, outputs: Mapping[str, str]) -> dict[str, Any]:
    """Return bucket and key of the stage's metrics file, and the paths of the metrics that it names."""
    if not isinstance(stage, Measured) or not stage.metrics_file:
        return {}
    output, _, path = stage.metrics_file.partition("/")
    bucket, _, prefix = outputs[output].removeprefix("s3://").partition("/")
    values = [
        {"name": name, "path": text, "steps": metric_path.steps(text)} for name, text in stage.metrics.items()
    ]
    return {"bucket": bucket, "key": f"{prefix}/{path}", **({"values": values} if values else {})}


def _metric_inputs(stage: AnyStage) -> dict[str, str]:
    """Return where the result's metrics are read, as inputs of the stage's fingerprint."""
    if not isinstance(stage, Measured) or not stage.metrics_file:
        return {}
    return {
        "metrics_file": stage.metrics_file,
        **{f"metrics.{name}": path for name, path in stage.metrics.items()},
    }
