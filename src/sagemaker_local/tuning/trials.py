"""The running training jobs of a tuning job."""

from __future__ import annotations

import contextlib
import itertools
import secrets
from dataclasses import dataclass, field
from typing import Any

from sagemaker_local.api.protocol import ApiError
from sagemaker_local.jobs.hosts import LOG
from sagemaker_local.jobs.kinds import TRAINING, TUNED, TUNING
from sagemaker_local.jobs.matcher import Matcher
from sagemaker_local.jobs.transitions import COMPLETED, ENDED
from sagemaker_local.resource import Context
from sagemaker_local.store import Record
from sagemaker_local.tuning import early_stopping, tuned_jobs, warm_start
from sagemaker_local.tuning.strategies import Grid, Proposal, Sampled, Strategy
from sagemaker_local.tuning.tuning_definition import Definition, definitions


@dataclass(frozen=True)
class Search:
    """A training job definition, its strategy and its completed training jobs."""

    definition: Definition
    strategy: Strategy
    previous: list[list[float]] = field(default_factory=list)
    """The objective of each completed training job, per epoch."""


@dataclass
class Trial:
    search: Search
    proposal: Proposal
    progress: early_stopping.Progress
    stopped: bool = False


class Trials:
    def __init__(self, context: Context, record: Record) -> None:
        self._context = context
        self._store = context.store
        self._tuning_job: Record = record
        self._config: dict[str, Any] = record["HyperParameterTuningJobConfig"]
        self._stops_early = self._config.get("TrainingJobEarlyStoppingType") == "Auto"
        self._searches = [self._search(definition) for definition in definitions(record)]
        self._turns = itertools.cycle(self._searches)
        self._running: dict[str, Trial] = {}
        self._launched = 0
        self.ended = 0
        self.completed = 0
        self.objectives: list[float] = []
        """In the order in which the training jobs ended."""

    @property
    def running(self) -> int:
        return len(self._running)

    def launch(self) -> None:
        """Start training jobs up to the limits. Several definitions alternate."""
        limits = self._config["ResourceLimits"]
        limit = limits.get("MaxNumberOfTrainingJobs")
        while self.running < limits["MaxParallelTrainingJobs"] and self._launched != limit:
            proposals = (
                (search, search.strategy.ask())
                for search in itertools.islice(self._turns, len(self._searches))
            )
            search, proposal = next((pair for pair in proposals if pair[1] is not None), (None, None))
            if search is None or proposal is None:
                return
            self._train(search, proposal)

    def collect(self) -> None:
        """Report ended training jobs to their strategies."""
        jobs = {name: self._store.get(TRAINING.path, name) or {} for name in self._running}
        for name, job in jobs.items():
            if job.get(TRAINING.status) in ENDED:
                self._learn(self._running.pop(name), job)

    def stop_early(self) -> None:
        """Stop training jobs that fall behind, if the tuning job's TrainingJobEarlyStoppingType is Auto."""
        for name, trial in self._running.items() if self._stops_early else ():
            before = trial.progress.follow()
            maximize = trial.search.definition.maximize
            if not trial.stopped and early_stopping.falls_behind(
                trial.progress.values, before, trial.search.previous, maximize=maximize
            ):
                trial.stopped = True
                self._stop(name)

    def stop(self) -> None:
        for name in self._running:
            self._stop(name)

    def close(self) -> None:
        for trial in self._running.values():
            trial.progress.close()

    def _stop(self, name: str) -> None:
        with contextlib.suppress(ApiError):  # the job has ended meanwhile
            self._context.call("StopTrainingJob", {TRAINING.name: name})

    def _learn(self, trial: Trial, job: Record) -> None:
        objective = tuned_jobs.objective_value(trial.search.definition.metric, job)
        trial.search.strategy.tell(trial.proposal, objective)
        self.ended += 1
        if objective is not None:
            self.objectives.append(objective)
        if job[TRAINING.status] == COMPLETED:
            self.completed += 1
            if self._stops_early:
                trial.progress.follow()
                trial.search.previous.append(trial.progress.values)
        trial.progress.close()

    def _search(self, definition: Definition) -> Search:
        if self._config["Strategy"] == "Grid":
            return Search(definition, Grid(definition.ranges))
        strategy = Sampled(
            definition.ranges,
            maximize=definition.maximize,
            bayesian=self._config["Strategy"] == "Bayesian",
            seed=self._config.get("RandomSeed"),
            known=warm_start.findings(self._store, self._tuning_job),
        )
        return Search(definition, strategy)

    def _train(self, search: Search, proposal: Proposal) -> None:
        self._launched += 1
        definition = search.definition
        name = f"{self._tuning_job[TUNING.name]}-{self._launched:03d}-{secrets.token_hex(4)}"
        tuned = tuned_jobs.tuned_job(name, self._tuning_job, definition, proposal.values)
        tags = self._context.tags.of(self._tuning_job[TUNING.arn])
        # Written first, because the training job takes the tuning job's ARN from it.
        self._store.put(TUNED, name, tuned)
        self._context.call("CreateTrainingJob", definition.training_job(name, proposal.values, tags))
        file = self._context.settings.root / "jobs" / TRAINING.noun.lower() / name / LOG
        progress = early_stopping.Progress(file, Matcher([definition.expression]))
        self._running[name] = Trial(search, proposal, progress)
