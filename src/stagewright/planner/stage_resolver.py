"""A stage made ready: its references rendered, once with symbols for its fingerprint, once for its
requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from stagewright.catalog import images
from stagewright.document.pipeline import Pipeline
from stagewright.document.reference_sites import texts
from stagewright.errors import PlanError, Problem
from stagewright.naming import ATTEMPT
from stagewright.planner import fingerprint
from stagewright.planner.external_inputs import external_of
from stagewright.planner.model import Binding, Recorded, StagePlan, Trigger
from stagewright.planner.stage_files import bundle
from stagewright.planner.values import Lookup, Values, document_values, lookup
from stagewright.stages.base.request import BuildContext, Requests, Served
from stagewright.stages.base.schema import Serving
from stagewright.stages.registry import KINDS, AnyStage, build
from stagewright.syntax.condition import references
from stagewright.syntax.fields import Model
from stagewright.syntax.findings import nearest
from stagewright.syntax.references import (
    Reference,
    find_references,
    render,
    sole_reference,
    source_of,
    text_of,
)

UNRENDERED = frozenset(
    ("kind", "enabled", "after", "description", "require", "otherwise", "pin", "cache", "retry")
)
NONE_YET = "none yet"
"""Stands for a metric of a champion where there is none."""


@dataclass(frozen=True)
class Prepared:
    """All that decides whether a stage runs."""

    inputs: Mapping[str, str]
    bundle: tuple[str, ...]

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint.digest(self.inputs)

    @property
    def lacks_champion(self) -> bool:
        return any(path.startswith("champion.") and value == NONE_YET for path, value in self.inputs.items())


@dataclass(frozen=True)
class Made:
    """All that running a stage needs."""

    requests: Requests
    bindings: tuple[Binding, ...]
    outputs: Mapping[str, str]
    metrics: Mapping[str, str]
    timeout: int


class Preparer:
    """Knows what references stand for, as far as stages have been planned."""

    def __init__(self, pipeline: Pipeline, trigger: Trigger, recorded: Recorded, run: str) -> None:
        self.pipeline = pipeline
        self.recorded = recorded
        self.run = run
        self.values = document_values(pipeline, trigger, recorded.installation, run)
        self.symbols = document_values(pipeline, trigger, recorded.installation, "<run>")
        self.stages: dict[str, StagePlan] = {}
        self.skipped: set[str] = set()

    @property
    def partition(self) -> str:
        return str(self.values["partition",])

    def planned(self, stage: StagePlan) -> None:
        """From now on references to this stage have a value."""
        self.stages[stage.name] = stage
        if stage.action == "skip":
            self.skipped.add(stage.name)

    def prepare(self, name: str, needs: Iterable[str]) -> Prepared:
        """PlanError as `sources` has it."""
        release = self.recorded.release
        files, external = self.sources(name)
        requests = self._build(name, self._symbol(), self.symbols, "<job>", "<outputs>", "<code>")
        resolved = sorted(need for need in needs if self.stages[need].action != "skip")
        upstream = {need: self.stages[need].fingerprint for need in resolved}
        inputs = fingerprint.inputs(requests, files, release, external, upstream)
        return Prepared(inputs | self._champions(name), files)

    def sources(self, name: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """Code files, and external inputs with their digests. PlanError for what is not there, of stages that
        are off as well."""
        stage = self.pipeline.stages[name]
        problems: list[Problem] = []
        files: tuple[str, ...] = ()
        try:
            files = bundle(stage, name, self.recorded.release)
        except PlanError as error:
            problems += error.problems
        external = dict(external_of(stage, self.values))
        remedy = "upload it, or name it in sample_data"
        if self.values["trigger", "date"] in "".join(external.values()):
            remedy += "; --date and stagewright backfill are for other dates"
        problems += self._lacking(name)
        problems += [
            Problem(f"stages.{name}.{field}", f"nothing at {uri}", remedy)
            for field, uri in external.items()
            if not self.recorded.external.get(uri)
        ]
        if problems:
            raise PlanError(tuple(problems))
        return files, {uri: self.recorded.external[uri] for uri in external.values()}

    def make(self, name: str, job: str, files: tuple[str, ...]) -> Made:
        """PlanError for a value that an earlier result does not have, and for an image that is not there."""
        stage = self.pipeline.stages[name]
        uri = self.recorded.installation.uri
        outputs = uri(f"runs/{self.pipeline.name}/{self.run}/{name}{f'/{ATTEMPT}' if stage.retry else ''}")
        code = uri(f"code/{self.pipeline.name}/{self.recorded.release.bundle(files)}") if files else ""
        bindings: dict[str, Binding] = {}
        requests = self._build(name, self._value(name, bindings), self.values, job, outputs, code)
        kind = KINDS[stage.kind].request
        written = kind.outputs(stage, requests)
        return Made(
            requests,
            tuple(bindings.values()),
            written,
            _metrics(stage, written),
            kind.timeout(stage, requests),
        )

    def _build(self, name: str, find: Lookup, values: Values, job: str, outputs: str, code: str) -> Requests:
        original = self.pipeline.stages[name]
        stage = _rendered(original, find)
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
            code=code,
            image=image,
            instance_type=instance_type,
            environment=_environment(
                stage, {key: text(value) for key, value in defaults.environment.items()}
            ),
            tags={key: text(value) for key, value in defaults.tags.items()},
            lineage=self._lineage() if values is self.values else {},
            served=_served(original),
            find=find,
        )
        return build(stage, context)

    def _image(self, name: str, stage: AnyStage, text: Callable[[str], str]) -> tuple[str, str]:
        """Image URI and instance type, "" where the stage has none."""
        purpose = KINDS[stage.kind].request.image
        if not purpose:
            return "", ""
        instance_type = text(stage.main_instance_type or self.pipeline.defaults.instance_type or "")
        if _served(stage) in ("package", "model"):
            return "", instance_type
        alias = getattr(stage, "image", None) or self._trained_with(stage) or self.pipeline.defaults.image
        region = self.recorded.installation.region
        try:
            image = images.resolve(text(alias or ""), region, instance_type, purpose)
        except PlanError as error:
            raise PlanError(
                tuple(replace(each, path=f"stages.{name}.image") for each in error.problems)
            ) from None
        return image, instance_type

    def _trained_with(self, stage: AnyStage) -> str | None:
        """A model is served with the image that it was trained with, unless the stage says otherwise."""
        reference = sole_reference(stage.model) if isinstance(stage, Serving) else None
        trained = self.pipeline.stages[reference.stage] if reference and reference.stage else None
        return trained.training_image if trained else None

    def _lineage(self) -> dict[str, str]:
        release = self.recorded.release
        found = {
            "stagewright:pipeline": self.pipeline.name,
            "stagewright:run": self.run,
            "stagewright:release": release.digest,
            "stagewright:revision": str(self.recorded.revision),
        }
        return found | ({"stagewright:commit": release.commit} if release.commit else {})

    def _symbol(self) -> Lookup:
        def find(reference: Reference) -> Any:
            if not reference.stage:
                return reference.text if reference.of_champion else lookup(self.symbols, reference)
            return f"<{'.'.join(reference.path[1:])}>"

        return find

    def _value(self, name: str, bindings: dict[str, Binding]) -> Lookup:
        """Known values as they are; tokens for the others, which are added to `bindings`."""

        def find(reference: Reference) -> Any:
            if reference.of_champion:
                return self.champions(name, reference)
            if not reference.stage:
                return lookup(self.values, reference)
            source = self._resolved(reference)
            path = reference.path[2:]
            if source.action == "reuse":
                return _earlier(name, source, path)
            if path[0] == "outputs" and source.attempts == 1:
                return source.outputs[path[1]]
            token = f"<<{'.'.join(reference.path[1:])}>>"
            bindings[token] = Binding(token, reference.path[1:])
            return token

        return find

    def champions(self, name: str, reference: Reference) -> Any:
        """None while there is no champion. PlanError where it has no such metric."""
        champion = self.recorded.champion
        if champion is None:
            return None
        _, stage, word, metric = reference.path
        found = champion.results.get(stage)
        value = found.result.get(word, {}).get(metric) if found else None
        if value is None:
            made = f"made by run {champion.run}" if champion.run else "not made by a run of this installation"
            message = f"the champion ({champion.package}, {made}) has no {stage}.{word}.{metric}"
            remedy = "leave this comparison out until a version that has it is approved"
            raise PlanError((Problem(f"stages.{name}.require", message, remedy),))
        return value

    def _champions(self, name: str) -> dict[str, str]:
        stage = self.pipeline.stages[name]
        judged = [each for each in references(stage.condition) if each.of_champion] if stage.judges else []
        values = {".".join(each.path): self.champions(name, each) for each in judged}
        return {path: NONE_YET if value is None else text_of(value) for path, value in values.items()}

    def _resolved(self, reference: Reference) -> StagePlan:
        return self.stages[reference.stage or ""]

    def _lacking(self, name: str) -> Iterator[Problem]:
        """All that the stage refers to and that has no result."""
        for _, text, _ in texts(self.pipeline.stages[name]) if self.skipped else ():
            for reference in find_references(text):
                if reference.stage in self.skipped:
                    why = self._resolved(reference).reason
                    where = f"{why}, and without a result in partition {self.partition}"
                    message = f"{where}; {name} needs {reference.text}"
                    yield Problem(f"stages.{reference.stage}", message, "switch it on for a run")


def _earlier(name: str, source: StagePlan, path: tuple[str, ...]) -> Any:
    value: Any = source.result
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        message = (
            f"{source.name} has no {'.'.join(path)} in run {source.reused_from}, whose result is used again"
        )
        known = source.result.get(path[0])
        has = nearest(path[-1], known, "it has") if len(path) > 1 and isinstance(known, Mapping) else ""
        remedy = "; or ".join(filter(None, (has, f"run {source.name} again")))
        raise PlanError((Problem(f"stages.{name}", message, remedy),))
    return value


def _rendered(stage: AnyStage, find: Lookup) -> AnyStage:
    fields = {name: getattr(stage, name) for name in stage.model_fields_set - UNRENDERED}
    for name in fields.keys() & {*stage.folder_fields}:
        fields[name] = _folders(fields[name])
    rendered = {name: _filled(value, find) for name, value in fields.items()}
    for name in rendered.keys() & {"arguments", "entrypoint"}:
        rendered[name] = _texts(rendered[name])
    return stage.model_copy(update=rendered)


def _filled(value: Any, find: Lookup) -> Any:
    """The field with its references replaced, also those within a block of fields."""
    if not isinstance(value, Model):
        return render(value, find)
    fields = {name: _filled(getattr(value, name), find) for name in value.model_fields_set}
    return value.model_copy(update=fields)


def _texts(values: Any) -> Any:
    """Each value as text, of a list or of a mapping."""
    if isinstance(values, Mapping):
        return {name: text_of(value) for name, value in values.items()}
    return [text_of(value) for value in values]


def _folders(value: Any) -> Any:
    """One URI, or a mapping of URIs, as `_folder` writes it."""
    return {key: _folder(uri) for key, uri in value.items()} if isinstance(value, Mapping) else _folder(value)


def _folder(uri: str) -> str:
    """A slash after an output: as a prefix of S3, `.../train` would also mean `.../train-2/`."""
    reference = sole_reference(uri)
    return f"{uri}/" if reference and reference.path[2:3] == ("outputs",) else uri


def _environment(stage: AnyStage, defaults: Mapping[str, str]) -> dict[str, str]:
    own = {key: text_of(value) for key, value in getattr(stage, "environment", {}).items()}
    return {**defaults, **own} if stage.takes_default_environment else own


def _served(stage: AnyStage) -> Served:
    """What the stage's `model` is; "" where it has none."""
    return source_of(stage.model) if isinstance(stage, Serving) else ""


def _metrics(stage: AnyStage, outputs: Mapping[str, str]) -> dict[str, str]:
    file = getattr(stage, "metrics_file", None)
    if not file:
        return {}
    output, _, path = file.partition("/")
    bucket, _, prefix = outputs[output].removeprefix("s3://").partition("/")
    return {"bucket": bucket, "key": f"{prefix}/{path}"}
