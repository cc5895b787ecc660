"""Where the metrics of a stage are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewright.stages.base.schema import Measured
from stagewright.stages.registry import AnyStage
from stagewright.syntax import metric_path


def metrics_file(stage: AnyStage, outputs: Mapping[str, str]) -> dict[str, Any]:
    """Return bucket and key of the stage's metrics file, and the paths of the metrics that it names."""
    if not isinstance(stage, Measured) or not stage.metrics_file:
        return {}
    output, _, path = stage.metrics_file.partition("/")
    bucket, _, prefix = outputs[output].removeprefix("s3://").partition("/")
    values = [
        {"name": name, "path": text, "steps": metric_path.steps(text)} for name, text in stage.metrics.items()
    ]
    return {"bucket": bucket, "key": f"{prefix}/{path}", **({"values": values} if values else {})}


def metric_inputs(stage: AnyStage) -> dict[str, str]:
    """Return where the result's metrics are read, as inputs of the stage's fingerprint."""
    if not isinstance(stage, Measured) or not stage.metrics_file:
        return {}
    return {
        "metrics_file": stage.metrics_file,
        **{f"metrics.{name}": path for name, path in stage.metrics.items()},
    }
