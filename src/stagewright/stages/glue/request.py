"""StartJobRun of AWS Glue."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from stagewright.naming import JOB
from stagewright.stages.base.kind import QUEUE_MARGIN, Kind
from stagewright.stages.base.request import Request, Requests, Setting
from stagewright.stages.glue.rules import CAPACITY
from stagewright.stages.glue.schema import Glue

LARGE = 1.0
"""Data processing units of the larger Python shell (API reference of StartJobRun, MaxCapacity)."""
MINUTE = 60


def requests(stage: Glue, setting: Setting) -> Requests:
    """A run of the installation's job, or of the stage's own, with the stage's script."""
    return {
        "StartJobRun": {
            "JobName": stage.job or setting.installation.name(stage.type),
            "Arguments": _arguments(stage, setting),
            "Timeout": ceil(int(stage.max_runtime_seconds) / MINUTE),
            **_capacity(stage),
        }
    }


def _arguments(stage: Glue, setting: Setting) -> dict[str, str]:
    """`--scriptLocation` and `--extra-py-files` are Glue's ("Using job parameters in AWS Glue jobs"); by JOB
    the run is found again, since Glue chooses its id."""
    own = stage.outputs if isinstance(stage.outputs, Mapping) else {}
    given = {
        **stage.inputs,
        **{name: own.get(name, f"{setting.outputs}/{name}") for name in stage.outputs},
        **stage.arguments,
        JOB: setting.job,
    }
    modules = ",".join(f"{setting.code}/files/{path}" for path in stage.include)
    return {
        "--scriptLocation": f"{setting.code}/files/{stage.code}",
        **({"--extra-py-files": modules} if modules else {}),
        **{f"--{name}": value for name, value in given.items()},
    }


def _capacity(stage: Glue) -> Request:
    """Nothing where the job's own will do: the installation's Python shell is small, and a job of one's own
    keeps what it has unless the stage says otherwise."""
    if stage.type == "pythonshell":
        return {"MaxCapacity": LARGE} if stage.capacity == "large" else {}
    if stage.job and not stage.model_fields_set & CAPACITY[stage.type]:
        return {}
    return {"WorkerType": stage.worker_type, "NumberOfWorkers": stage.workers}


def _timeout(_stage: Glue, requests: Requests) -> int:
    return int(requests["StartJobRun"]["Timeout"]) * MINUTE + QUEUE_MARGIN


def _written(stage: Glue, requests: Requests) -> dict[str, str]:
    arguments: dict[str, Any] = requests["StartJobRun"]["Arguments"]
    return {name: arguments[f"--{name}"].rstrip("/") for name in stage.outputs}


KIND = Kind(requests, _timeout, _written, main="StartJobRun")
