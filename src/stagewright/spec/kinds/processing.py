"""A stage that runs a script (or a container's own command) over inputs and keeps its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from stagewright.spec.model import Compute, Name, Stage


class Processing(Stage, Compute):
    """Runs as a SageMaker processing job."""

    kind: Literal["processing"]
    code: str | None = None
    """The script, relative to the code folder. `.py` runs with python3, `.sh` with /bin/bash."""
    include: tuple[str, ...] = ()
    """More files or folders, relative to the code folder, put beside the script."""
    entrypoint: tuple[str, ...] = ()
    """The container's command, where it is not the script: for custom images."""
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = Field(default_factory=dict)
    inputs: Mapping[Name, str] = Field(default_factory=dict)
    """Input name -> S3 URI (or reference), found by the job at /opt/ml/processing/input/<name>."""
    outputs: tuple[Name, ...] | Mapping[Name, str] = ()
    """Output names, written by the job to /opt/ml/processing/output/<name>; or name -> S3 URI of one's own."""
    metrics_file: str | None = None
    """`<output>/<file>.json`, a JSON object of numbers: readable as ${stages.<stage>.metrics.<name>}."""
