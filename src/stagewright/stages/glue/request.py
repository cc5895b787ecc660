"""The request of glue stages: StartJobRun of AWS Glue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

from stagewright.naming import GLUE_JOB_ARGUMENT, RUNS
from stagewright.stages.base.request import BuildContext, Request, Requests
from stagewright.stages.base.stage_request import QUEUE_MARGIN, StageRequest
from stagewright.stages.base.usage import HOUR, Use
from stagewright.stages.glue.rules import CAPACITY
from stagewright.stages.glue.schema import Glue

LARGE = 1.0
"""Data processing units of a large Python shell (StartJobRun, MaxCapacity)."""
SMALL = 0.0625
"""Data processing units of a small Python shell."""
MINUTE = 60


def build(stage: Glue, context: BuildContext) -> Requests:
    """Return the request for a run of the installation's job, or of the stage's own `job`."""
    return {
        "StartJobRun": {
            "JobName": stage.job or context.installation.name(stage.type),
            "Arguments": _arguments(stage, context),
            "Timeout": ceil(int(stage.max_runtime_seconds) / MINUTE),
            **_capacity(stage),
        }
    }


def _arguments(stage: Glue, context: BuildContext) -> dict[str, str]:
    """Glue reads `--scriptLocation` and `--extra-py-files` ("Using job parameters in AWS Glue jobs"). The
    argument `GLUE_JOB_ARGUMENT` identifies the run, because Glue chooses its id."""
    own = stage.outputs if isinstance(stage.outputs, Mapping) else {}
    arguments = {
        **stage.inputs,
        **{name: own.get(name, context.output(name)) for name in stage.outputs},
        **stage.arguments,
        GLUE_JOB_ARGUMENT: context.job,
    }
    modules = ",".join(f"{context.code}/files/{path}" for path in stage.include)
    return {
        "--scriptLocation": f"{context.code}/files/{stage.code}",
        **({"--extra-py-files": modules} if modules else {}),
        **{f"--{name}": value for name, value in arguments.items()},
    }


def _capacity(stage: Glue) -> Request:
    """Empty if the job's own capacity applies: the installation's Python shell is small, and the stage's own
    job keeps its capacity unless the stage sets one."""
    if stage.type == "pythonshell":
        return {"MaxCapacity": LARGE} if stage.capacity == "large" else {}
    if stage.job and not stage.model_fields_set & CAPACITY[stage.type]:
        return {}
    return {"WorkerType": stage.worker_type, "NumberOfWorkers": stage.workers}


def _timeout(_stage: Glue, requests: Requests) -> int:
    return int(requests["StartJobRun"]["Timeout"]) * MINUTE + QUEUE_MARGIN


def _outputs_of(stage: Glue, requests: Requests) -> dict[str, str]:
    arguments: dict[str, Any] = requests["StartJobRun"]["Arguments"]
    return {name: arguments[f"--{name}"].rstrip("/") for name in stage.outputs}


def _writes(stage: Glue, requests: Requests) -> dict[str, str]:
    """The stage's own job has a role of the platform, whose permissions are not known here."""
    outputs = {} if stage.job else _outputs_of(stage, requests)
    return {f"outputs.{name}": uri for name, uri in outputs.items()}


def _uses(requests: Requests, timeout: int, attempts: int) -> Iterator[Use]:
    run = requests["StartJobRun"]
    seconds = run["Timeout"] * MINUTE if "Timeout" in run else timeout
    count = int(run.get("NumberOfWorkers", 1))
    yield Use("glue job run", f"glue.{_size(run)}", count, count * attempts * seconds / HOUR)


def _size(run: Request) -> str:
    """The size of a worker. `job`: the stage's own job has a capacity that only AWS knows."""
    if "WorkerType" in run:
        return str(run["WorkerType"])
    if "MaxCapacity" in run:
        return "pythonshell" if run["MaxCapacity"] > SMALL else "pythonshell-small"
    return "pythonshell-small" if run["JobName"].endswith("-pythonshell") else "job"


REQUEST = StageRequest(
    build,
    _timeout,
    history_events=15,
    outputs=_outputs_of,
    uses=_uses,
    writes=_writes,
    writable=(RUNS,),
    operation="StartJobRun",
    field_names=(
        (r"StartJobRun\.Arguments\.--(.+)", r"arguments.\1"),
        (r"StartJobRun\.JobName", "job"),
        (r"StartJobRun\.MaxCapacity", "capacity"),
        (r"StartJobRun\.NumberOfWorkers", "workers"),
        (r"StartJobRun\.Timeout", "max_runtime_seconds"),
        (r"StartJobRun\.WorkerType", "worker_type"),
    ),
)
