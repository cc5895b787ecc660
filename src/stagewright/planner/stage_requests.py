"""The requests of stages, from their fields, the document's defaults and the installation's settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial, reduce

from stagewright.catalog import images
from stagewright.document.pipeline import Pipeline
from stagewright.errors import PlanError, Problem
from stagewright.planner.model import Recorded
from stagewright.planner.stage_lookups import StageLookups
from stagewright.planner.stage_rendering import environment_of, rendered, rendered_defaults
from stagewright.planner.values import Lookup, Values, lookup
from stagewright.stages.base import limits
from stagewright.stages.base.job_settings import NO_SETTINGS, JobSettings
from stagewright.stages.base.request import BuildContext, Requests, Served
from stagewright.stages.base.schema import JobFields, Serving
from stagewright.stages.registry import KINDS, AnyStage, build
from stagewright.syntax.references import render, sole_reference, source_of, text_of


class StageRequests:
    """Builds requests with symbols (for a fingerprint) or with the values of a run."""

    def __init__(self, pipeline: Pipeline, recorded: Recorded, lookups: StageLookups) -> None:
        self.pipeline = pipeline
        self.recorded = recorded
        self.lookups = lookups

    def build(
        self, name: str, find: Lookup, values: Values, job: str, outputs: str, code: str, own: str = ""
    ) -> Requests:
        """Build the requests of a stage. `find` and `values` give its references.

        Raises PlanError if its image does not exist, or if the document widens the settings of jobs.
        """
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
            jobs=self.job_settings(name, stage, values),
            lineage=self.lineage if values is self.lookups.values else {},
            served=_served(original),
            find=find,
            find_reviewed=self.lookups.with_reviewed(find),
        )
        return build(stage, context)

    def job_settings(self, name: str, stage: AnyStage, values: Values) -> JobSettings:
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
        if values is self.lookups.symbols and KINDS[stage.kind].has_job:
            return NO_SETTINGS  # where a job runs is not an input of its result
        return reduce(lambda settings, fields: settings.narrowed(fields[0]), own, installed)

    @property
    def lineage(self) -> dict[str, str]:
        """The tags that connect a job with the run."""
        release = self.recorded.release
        lineage = {
            "stagewright:pipeline": self.pipeline.name,
            "stagewright:run": self.lookups.values["run", "id"],
            "stagewright:release": release.digest,
            "stagewright:revision": str(self.recorded.revision),
        }
        return lineage | ({"stagewright:commit": release.commit} if release.commit else {})

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
