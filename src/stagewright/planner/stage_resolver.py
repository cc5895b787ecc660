"""Resolves the references of one stage after the other, and builds their requests.

A stage is resolved twice. For its fingerprint, job names, output locations and upstream results are symbols,
since they differ between runs that compute the same. For its requests, they are the real values, or tokens
that the state machine replaces during the run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from typing import Any

from stagewright.catalog.request_contract import TOKEN, tokens_in
from stagewright.document.pipeline import Pipeline
from stagewright.errors import PlanError, Problem
from stagewright.naming import ATTEMPT, item_of, stage_of
from stagewright.planner import fingerprint, gathering, training_checks
from stagewright.planner.champion_metrics import champion_inputs
from stagewright.planner.external_inputs import external_of
from stagewright.planner.missing_inputs import missing_data, missing_results
from stagewright.planner.model import Binding, Recorded, StagePlan, Trigger
from stagewright.planner.resolved_stage import BuiltStage, ResolvedStage
from stagewright.planner.stage_files import bundle
from stagewright.planner.stage_lookups import StageLookups
from stagewright.planner.stage_metrics import metric_inputs, metrics_file
from stagewright.planner.stage_requests import StageRequests
from stagewright.stages.registry import KINDS


class StageResolver:
    """Resolves references to the document, the trigger, and the stages added so far."""

    def __init__(self, pipeline: Pipeline, trigger: Trigger, recorded: Recorded, run: str) -> None:
        self.pipeline = pipeline
        self.recorded = recorded
        self.run = run
        self.stages: dict[str, StagePlan] = {}
        self.skipped: dict[str, StagePlan] = {}
        self.lookups = StageLookups(pipeline, trigger, recorded, run, self.stages)
        self.values = self.lookups.values
        self.requests = StageRequests(pipeline, recorded, self.lookups)
        self.literals: dict[str, frozenset[str]] = {}
        """What looks like a token in the document's values of each stage."""

    @property
    def partition(self) -> str:
        return str(self.values["partition",])

    def add(self, stage: StagePlan) -> None:
        """Let following stages refer to this one."""
        self.stages[stage.name] = stage
        if stage.action == "skip":
            self.skipped[stage.name] = stage

    def has(self, stages: Set[str]) -> bool:
        """Return whether all these stages have been added. A stage with a problem is not."""
        return stages <= self.stages.keys()

    def resolve(self, name: str, needs: Iterable[str]) -> ResolvedStage:
        """Resolve a stage for its fingerprint. `needs`: the stages that it depends on.

        Raises PlanError as `sources` does.
        """
        files, external = self.sources(name)
        lookups = self.lookups
        requests = self.requests.build(name, lookups.symbol, lookups.symbols, "<job>", "<outputs>", "<code>")
        self.literals[name] = tokens_in(requests)
        upstream = self._upstream(name, [need for need in needs if self.stages[need].action != "skip"])
        inputs = fingerprint.inputs(requests, files, self.recorded.release, external, upstream)
        stage = self.pipeline.stages[name]
        compared = champion_inputs(name, stage, self.recorded.champion)
        return ResolvedStage(inputs | metric_inputs(stage) | compared, files)

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
        problems += missing_results(name, stage, self.skipped, self.partition)
        problems += gathering.problems(self.pipeline, name, self.stages)
        problems += missing_data(name, external, self.recorded.external, self.values["trigger", "date"])
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
        lookup_value = self.lookups.of_run(name, bindings, reused)
        requests = self.requests.build(
            name, lookup_value, self.values, job, outputs, code, own if stage.for_each else ""
        )
        training_checks.check_isolation(name, requests, files)
        if self.requests.job_settings(name, stage, self.values).encrypt_traffic:
            training_checks.check_one_instance(name, requests)
        tokens = self._tokens(name, bindings, reused)
        kind = KINDS[stage.kind].request
        locations = kind.outputs(stage, requests)
        return BuiltStage(
            requests,
            tuple(bindings.values()),
            locations,
            metrics_file(stage, locations),
            kind.timeout(stage, requests),
            tokens,
        )

    def _tokens(self, name: str, bindings: Iterable[str], reused: list[Any]) -> re.Pattern[str]:
        """Return a pattern of the stage's tokens. `reused`: its values from reused results.

        Raises PlanError if a value contains a token: the state machine would replace it.
        """
        tokens = {*bindings, ATTEMPT}
        literals = self.literals.get(name, frozenset()) | tokens_in([reused, self.requests.lineage])
        if clashes := sorted(literals & tokens):
            message = f"a value contains {clashes[0]}, which the run replaces by a value of its own"
            raise PlanError((Problem(f"stages.{name}", message, "write the value in another way"),))
        return re.compile("|".join(map(re.escape, tokens))) if literals else TOKEN
