"""Tuning strategies: they propose the hyperparameters of the next training job.

Bayesian is Optuna's tree-structured Parzen estimator, Random its random sampler. Both see a numeric range as
the unit interval, because ranges.py does the scaling. Grid is the product of the categorical values.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sagemaker_local.tuning.ranges import Categorical, Numeric, Range

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


RANDOM_START = 5
"""How many training jobs Bayesian chooses at random before it builds a model."""


@dataclass(frozen=True)
class Proposal:
    values: dict[str, str]
    """The tuned hyperparameters of a training job."""
    trial: Any = None


@dataclass(frozen=True)
class Finding:
    """A result of an earlier tuning job."""

    values: dict[str, str]
    objective: float


class Strategy(Protocol):
    def ask(self) -> Proposal | None:
        """The next proposal; None if there is none left."""

    def tell(self, proposal: Proposal, objective: float | None) -> None:
        """Report an objective; None if the training job has none."""


class Grid:
    def __init__(self, ranges: Iterable[Range]) -> None:
        categorical = [item for item in ranges if isinstance(item, Categorical)]
        names = [item.name for item in categorical]
        product = itertools.product(*(item.values for item in categorical))
        self._left = iter([Proposal(dict(zip(names, values, strict=True))) for values in product])

    def ask(self) -> Proposal | None:
        return next(self._left, None)

    def tell(self, proposal: Proposal, objective: float | None) -> None:
        """Does nothing: a result does not affect other combinations."""


class Sampled:
    """Optuna's ask-and-tell interface, which allows several open proposals."""

    def __init__(
        self,
        ranges: tuple[Range, ...],
        *,
        maximize: bool,
        bayesian: bool,
        seed: int | None,
        known: Iterable[Finding] = (),
    ) -> None:
        # Imported late: it takes 0.2 to 0.9 seconds and 50 MB.
        import optuna

        self._optuna = optuna
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = (
            optuna.samplers.TPESampler(n_startup_trials=RANDOM_START, constant_liar=True, seed=seed)
            if bayesian
            else optuna.samplers.RandomSampler(seed=seed)
        )
        self._study = optuna.create_study(sampler=sampler, direction="maximize" if maximize else "minimize")
        self._ranges = ranges
        self._space = {item.name: _distribution(item) for item in ranges}
        for finding in known:
            self._learn(finding)

    def ask(self) -> Proposal | None:
        trial = self._study.ask(self._space)
        values = {
            item.name: item.at(trial.params[item.name])
            if isinstance(item, Numeric)
            else str(trial.params[item.name])
            for item in self._ranges
        }
        return Proposal(values, trial)

    def tell(self, proposal: Proposal, objective: float | None) -> None:
        if objective is None:
            self._study.tell(proposal.trial, state=self._optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(proposal.trial, objective)

    def _learn(self, finding: Finding) -> None:
        """Add an earlier result. One outside of the ranges is ignored."""
        positions = {item.name: _position(item, finding.values.get(item.name)) for item in self._ranges}
        if all(position is not None for position in positions.values()):
            trial = self._optuna.create_trial(
                params=positions, distributions=self._space, value=finding.objective
            )
            self._study.add_trial(trial)


def _distribution(item: Range) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    return FloatDistribution(0.0, 1.0) if isinstance(item, Numeric) else CategoricalDistribution(item.values)


def _position(item: Range, value: str | None) -> float | str | None:
    if value is None:
        return None
    if isinstance(item, Numeric):
        return item.position(value)
    return value if value in item.values else None
