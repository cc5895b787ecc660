"""The files and the Python environment of a variant's model servers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sagemaker_local.archive import unpack
from sagemaker_local.errors import JobEnvironmentError, JobFailure
from sagemaker_local.images.environments import Environment
from sagemaker_local.images.stand_ins import stand_ins
from sagemaker_local.jobs.job_environment import base_environment, merge_requested
from sagemaker_local.logs.log_stream import LogStream
from sagemaker_local.model_servers.serving import Launch, StartError
from sagemaker_local.resource import Context
from sagemaker_local.sandbox.launcher import Command, Process

SERVE = Path(__file__).with_name("serve")
CODE = "SAGEMAKER_SUBMIT_DIRECTORY"
UNKNOWN_FRAMEWORK = "inference"
"""For custom images: serve/ then behaves as sagemaker-inference."""


class ArtifactError(Exception):
    """An artifact is not available. The message is the endpoint's FailureReason."""


class Hosting:
    """One generation of an endpoint. Each variant has a folder; its `ml` is the server's /opt/ml."""

    def __init__(self, context: Context, endpoint: str, generation: int) -> None:
        self._context = context
        self._endpoint = endpoint
        self._folder = context.settings.root / "endpoints" / endpoint / str(generation)

    def prepare(self, variant: dict[str, Any]) -> None:
        """Download the model and code and build the environment. ArtifactError."""
        log = self._log(variant["name"])
        try:
            self._stage(variant)
            self._environment(variant, log.note)
        except JobEnvironmentError as error:
            raise ArtifactError(error.message) from error
        finally:
            log.close()

    def _stage(self, variant: dict[str, Any]) -> None:
        folder = self._folder / variant["name"]
        done = folder / "staged"
        if done.exists():
            return
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "ml/model").mkdir(parents=True)
        if variant["model_data"]:
            self._extract("model data archive", variant["model_data"], folder / "ml/model")
        code = variant["environment"].get(CODE, "")
        if code.startswith("s3://") and variant.get("isolated"):
            raise ArtifactError(f"the container has no network (EnableNetworkIsolation) to download {code}")
        if code.startswith("s3://"):
            self._extract("source code archive", code, folder / "ml/code")
        done.touch()

    def launch(self, variant: dict[str, Any]) -> Launch:
        """How to start one model server of the variant."""
        socket = self._context.sockets.path()
        log = _LateLog(lambda: self._log(variant["name"]))
        return Launch(
            start=lambda: self._start(variant, socket, log.note),
            socket=socket,
            log=log.write,
            close=log.close,
            startup_seconds=variant["startup"],
        )

    def clear(self) -> None:
        """Delete the files, except for the log."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _extract(self, what: str, uri: str, folder: Path) -> None:
        archive = folder.parent.parent / "archive.tar.gz"
        try:
            self._context.storage.download_file(uri, archive)
        except JobFailure as error:
            raise ArtifactError(f'Failed to download {what} from URL "{uri}". {error}') from error
        try:
            unpack(archive, folder)
        except JobFailure as error:
            raise ArtifactError(
                f'Failed to extract {what} from URL "{uri}". Please ensure that the object located at the URL'
                f" is a valid tar.gz archive. {error}"
            ) from error
        finally:
            archive.unlink()

    def _start(self, variant: dict[str, Any], socket: Path, report: Callable[[str], None]) -> Process:
        folder = self._folder / variant["name"]
        try:
            self._stage(variant)
            environment = self._environment(variant, report)
        except (ArtifactError, JobEnvironmentError) as error:
            raise StartError(str(error)) from error
        if environment.warning:
            report(f"WARNING: {environment.warning}")
        framework = environment.framework or UNKNOWN_FRAMEWORK
        command = (
            str(environment.python),
            str(SERVE),
            "--framework",
            framework,
            "--socket",
            str(socket),
            *(f"--packages={folder}" for folder in stand_ins(environment.framework)),
        )
        try:
            variables = self._variables(variant, folder, environment)
            isolated = variant.get("isolated", False)
            return self._context.launcher.start(Command(folder / "ml", command, variables, isolated=isolated))
        except OSError as error:
            raise StartError(f"the model server cannot be started: {error}") from error

    def _environment(self, variant: dict[str, Any], report: Callable[[str], None]) -> Environment:
        folder = self._folder / variant["name"]
        environment = self._context.environments.resolve(variant["image"], report)
        for code in (folder / "ml/code", folder / "ml/model/code"):
            if (code / "requirements.txt").is_file():
                return self._context.environments.with_requirements(
                    environment, code / "requirements.txt", report
                )
        return environment

    def _variables(self, variant: dict[str, Any], folder: Path, environment: Environment) -> dict[str, str]:
        base = base_environment(self._context.settings, folder / "home", (environment.python.parent,))
        return merge_requested(base, variant["environment"])

    def _log(self, variant: str) -> LogStream:
        stream = f"{variant}/i-{int(self._folder.name):017x}"
        file = self._folder.parent / f"log-{variant}-{self._folder.name}"
        return self._context.logs.open(f"/aws/sagemaker/Endpoints/{self._endpoint}", stream, file)


class _LateLog:
    """A log opened with its first line. An endpoint that waits for its first request then has no log file."""

    def __init__(self, opened: Callable[[], LogStream]) -> None:
        self._open = opened
        self._stream: LogStream | None = None

    def write(self, output: bytes) -> str:
        return self._opened().write(output)

    def note(self, text: str) -> None:
        self._opened().note(text)

    def _opened(self) -> LogStream:
        self._stream = self._stream or self._open()
        return self._stream

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
