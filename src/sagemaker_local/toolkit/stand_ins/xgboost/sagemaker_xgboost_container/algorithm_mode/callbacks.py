"""What happens after each round: the metrics are printed, and the model is kept."""

from __future__ import annotations

import os
import re
import tempfile
from typing import Any

import xgboost

MODEL = "xgboost-model"
CHECKPOINT = "xgboost-checkpoint"
NUMBERED = re.compile(CHECKPOINT + r"\.(\d+)")
KEPT = 5
"""Checkpoints that stay."""


class Printer(xgboost.callback.TrainingCallback):
    """Print the metrics of a round. In CloudWatch Logs, a tab is `#011`."""

    def after_iteration(self, model: Any, epoch: int, evals_log: dict[str, Any]) -> bool:
        scores = [
            f"#011{data}-{name}:{values[-1]:.5f}"
            for data, of_data in evals_log.items()
            for name, values in of_data.items()
        ]
        print(f"[{epoch}]{''.join(scores)}", flush=True)
        return False


class Checkpoints(xgboost.callback.TrainingCallback):
    """Keep the models of the last rounds, numbered from `first`."""

    def __init__(self, folder: str, first: int) -> None:
        super().__init__()
        self._folder, self._first = folder, first

    def after_iteration(self, model: Any, epoch: int, evals_log: dict[str, Any]) -> bool:
        number = self._first + epoch
        save(model, os.path.join(self._folder, f"{CHECKPOINT}.{number}"))
        old = os.path.join(self._folder, f"{CHECKPOINT}.{number - KEPT}")
        if os.path.exists(old):
            os.remove(old)
        return False


class LastModel(xgboost.callback.TrainingCallback):
    """Keep the model of the last round, for a job that is stopped (`save_model_on_termination`)."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def after_iteration(self, model: Any, epoch: int, evals_log: dict[str, Any]) -> bool:
        save(model, os.path.join(self._folder, MODEL))
        return False


def save(model: Any, file: str) -> None:
    """Write the model at once, so that no half of it is found."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(file)) as folder:
        part = os.path.join(folder, MODEL)
        model.save_model(part)
        os.replace(part, file)


def last_checkpoint(folder: str) -> tuple[str | None, int]:
    """The newest checkpoint and the number of the round after it; None and 0 if there is none."""
    numbers = [int(match[1]) for name in os.listdir(folder) for match in [NUMBERED.fullmatch(name)] if match]
    if not numbers:
        return None, 0
    return os.path.join(folder, f"{CHECKPOINT}.{max(numbers)}"), max(numbers) + 1
