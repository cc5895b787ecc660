"""Where the local SageMaker keeps its state, and the endpoint that its jobs talk to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """`url` answers S3 and CloudWatch Logs, and is what jobs see as AWS_ENDPOINT_URL with this key."""

    root: Path
    """Its own folder: the SQLite file, job and endpoint folders."""
    url: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"
    account: str = "000000000000"
    stop_grace: float = 120.0
    """Seconds between SIGTERM and SIGKILL. SageMaker gives 120 (StopTrainingJob, API reference)."""
    wait_scale: float = 0.02
    """Waits that a request asks for (of an endpoint's deployment) take this part of their time."""

    service_url: str = ""
    """Where this service itself answers, when that is not `url`."""

    @property
    def overrides(self) -> Path:
        """`local.toml` of the state directory: its `[pythons]` table maps an image to a Python executable."""
        return self.root.parent / "local.toml"
