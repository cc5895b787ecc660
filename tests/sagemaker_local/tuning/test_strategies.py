"""Proposals of the tuning strategies, without training jobs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sagemaker_local.tuning.ranges import Categorical, Numeric
from sagemaker_local.tuning.strategies import RANDOM_START, Finding, Grid, Sampled

SPACE = (
    Numeric("x", -1.0, 1.0, "Linear", integer=False),
    Numeric("n", 1, 20, "Linear", integer=True),
    Categorical("kind", ("good", "bad")),
)


def loss(values):
    return (
        (float(values["x"]) - 0.3) ** 2
        + ((int(values["n"]) - 7) / 20) ** 2
        + (0.5 if values["kind"] == "bad" else 0.0)
    )


def search(jobs=30, **more):
    strategy = Sampled(SPACE, **{"maximize": False, "bayesian": True, "seed": 4} | more)
    found = []
    for _ in range(jobs):
        proposal = strategy.ask()
        value = loss(proposal.values)
        strategy.tell(proposal, -value if more.get("maximize") else value)
        found.append((proposal.values, value))
    return found


@pytest.mark.parametrize("maximize", [False, True])
def test_bayesian_comes_closer_than_its_random_start(maximize):
    losses = [value for _, value in search(maximize=maximize)]
    assert min(losses[RANDOM_START:]) < min(losses[:RANDOM_START]) / 2


def test_bayesian_finds_more_than_random():
    def best(bayesian):
        return sum(min(value for _, value in search(bayesian=bayesian, seed=seed)) for seed in range(5))

    assert best(bayesian=True) < best(bayesian=False) / 2


@pytest.mark.parametrize("bayesian", [True, False])
def test_same_seed_proposes_the_same_values(bayesian):
    first = search(12, bayesian=bayesian, seed=9)
    assert first == search(12, bayesian=bayesian, seed=9)
    assert first != search(12, bayesian=bayesian, seed=10)


def test_values_are_texts_within_their_ranges():
    for values, _ in search(10, bayesian=False):
        assert -1.0 <= float(values["x"]) <= 1.0
        assert values["n"] in map(str, range(1, 21))
        assert values["kind"] in ("good", "bad")


def test_several_proposals_may_be_open_and_some_may_fail():
    strategy = Sampled(SPACE, maximize=False, bayesian=True, seed=1)
    for _ in range(4):
        proposals = [strategy.ask() for _ in range(3)]
        assert len({str(proposal.values) for proposal in proposals}) == 3
        strategy.tell(proposals[2], loss(proposals[2].values))
        strategy.tell(proposals[0], None)
        strategy.tell(proposals[1], loss(proposals[1].values))


def test_known_results_count_as_random_start():
    known = [
        Finding({"x": str(0.3 + step / 100), "n": "7", "kind": "good"}, step / 100) for step in range(10)
    ] + [Finding({"x": "-0.9", "n": "20", "kind": "bad"}, 2.0) for _ in range(5)]
    unusable = Finding({"x": "5", "n": "7", "kind": "good"}, 0.0)
    warm = [value for _, value in search(5, known=[*known, unusable])]
    cold = [value for _, value in search(5)]
    assert sum(warm) < sum(cold) / 2


def test_grid_gives_every_combination_once():
    grid = Grid([Categorical("a", ("1", "2", "3")), Categorical("b", ("x", "y"))])
    found = []
    while proposal := grid.ask():
        found.append((proposal.values["a"], proposal.values["b"]))
        grid.tell(proposal, None)
    assert found == [("1", "x"), ("1", "y"), ("2", "x"), ("2", "y"), ("3", "x"), ("3", "y")]


def test_optuna_is_imported_only_where_it_is_needed():
    script = (
        "import sys\n"
        "import sagemaker_local.service\n"
        "from sagemaker_local.tuning.ranges import Categorical\n"
        "from sagemaker_local.tuning.strategies import Grid\n"
        "Grid([Categorical('a', ('1',))]).ask()\n"
        "print('optuna' in sys.modules, 'numpy' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "False False\n"
