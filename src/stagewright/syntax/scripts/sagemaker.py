"""What a script uses of a SageMaker container: channels, the model folder, hyperparameters.

Source: sagemaker-training's ENVIRONMENT_VARIABLES.md; "Amazon SageMaker AI Training Storage Folders".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stagewright.syntax.scripts.source import Source

CHANNEL = re.compile(r"SM_CHANNEL_([A-Z0-9_]+)|/opt/ml/input/data/([A-Za-z0-9][A-Za-z0-9._-]*)")
MODEL = re.compile(r"SM_MODEL_DIR|/opt/ml/model\b")
PROCESSING = "/opt/ml/processing"
HYPERPARAMETER = "SM_HP_"


@dataclass(frozen=True)
class ContainerUse:
    """`channels` in the order of the script. `hyperparameters`: those that it reads from SM_HP_ variables,
    with their defaults."""

    channels: tuple[str, ...] = ()
    writes_model: bool = False
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    is_processing: bool = False

    @property
    def is_training(self) -> bool:
        return bool(self.channels or self.writes_model or self.hyperparameters)


def container_use(source: Source) -> ContainerUse:
    texts = [text for text, _ in source.strings()]
    channels = [variable.lower() or folder for text in texts for variable, folder in CHANNEL.findall(text)]
    return ContainerUse(
        channels=tuple(dict.fromkeys(channels)),
        writes_model=any(map(MODEL.search, texts)),
        hyperparameters=_hyperparameters(source),
        is_processing=any(text.startswith(PROCESSING) for text in texts),
    )


def _hyperparameters(source: Source) -> dict[str, Any]:
    """Hyperparameters that the script reads from variables, with their defaults (UNKNOWN: none)."""
    nodes = (node for node in ast.walk(source.tree) if isinstance(node, ast.Call | ast.Subscript))
    values = [source.value(node) for node in nodes]
    return {
        value.variable.removeprefix(HYPERPARAMETER).lower(): value.value
        for value in values
        if value.variable.startswith(HYPERPARAMETER)
    }
