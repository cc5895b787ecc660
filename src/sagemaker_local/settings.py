"""Settings of the local SageMaker: its folder, the endpoint that jobs use, the program that runs it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from sagemaker_local.private_folder import require_own


@dataclass(frozen=True)
class Program:
    """The program that runs the service.

    Its name is part of environment variables, the cache folder and URL paths. The hints end error messages.
    """

    name: str = "sagemaker-local"
    key_hint: str = "use the key that was printed when the service started, or the one you passed to it"
    folder_hint: str = "choose another folder with --state"
    stop_hint: str = "stop that service, or choose another folder with --state"

    def variable(self, suffix: str) -> str:
        """The name of an environment variable: SAGEMAKER_LOCAL_CACHE for `CACHE`."""
        return f"{self.name}_{suffix}".replace("-", "_").upper()

    @property
    def cache_folder(self) -> Path:
        """The folder that the `CACHE` variable names, else `~/.cache/<name>` (XDG_CACHE_HOME applies).

        It holds programs that run. ServiceError if other users could have put them there.
        """
        variable = self.variable("CACHE")
        own = os.environ.get(variable)
        folder = Path(own or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / self.name)
        if folder.exists():
            require_own(folder, f"choose another folder with {variable}")
        return folder

    @property
    def health_path(self) -> str:
        """The URL path that answers without a signature."""
        return f"/_{self.name}/health"


@dataclass(frozen=True)
class Settings:
    """Settings of one service.

    `url` serves S3, and CloudWatch Logs if it can. Jobs get it as AWS_ENDPOINT_URL, with this key.
    """

    root: Path
    """The service's own folder: its SQLite file and the folders of jobs and endpoints."""
    url: str
    access_key: str
    secret_key: str
    region: str = "us-east-1"
    account: str = "000000000000"
    stop_grace: float = 120.0
    """Seconds between SIGTERM and SIGKILL. SageMaker gives 120 (StopTrainingJob, API reference)."""
    wait_scale: float = 0.02
    """Factor for the waits that a request configures, such as those of an endpoint deployment."""
    service_url: str = ""
    """The URL of this service, if it is not `url`."""
    program: Program = field(default_factory=Program)

    @property
    def overrides(self) -> Path:
        """`local.toml` in the state folder. Its table `[pythons]` maps images to Python executables."""
        return self.root.parent / "local.toml"
