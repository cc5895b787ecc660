"""Where commands go: the local server, or an installation on AWS that stagewright.toml names.

A command uses the local server that is up. If there is none, it starts a temporary server, which ends with
the last command that uses it. A temporary server starts runs only while a command that waits for runs uses it
(`runs`), so that a command that only reads never starts a queued run.
"""

from __future__ import annotations

import os
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from stagewright.api import notes
from stagewright.errors import NotFoundError, TargetError
from stagewright.local.state_path import state_path
from stagewright.naming import Installation

if TYPE_CHECKING:
    from sagemaker_local.state_folder import Server
    from stagewright.operator_gateway import OperatorGateway

LOCAL = "local"
VARIABLE = "STAGEWRIGHT_TARGET"
"""The environment variable that names the usual target."""
FILE = "stagewright.toml"
FIELDS = {"bucket", "region", "environment", "prefix", "profile", "account"}
OPEN_RUNS = 1000
"""Largest number of open runs that are checked."""
POLL_SECONDS = 0.2
REQUIRED = ("bucket", "region", "environment")


@dataclass(frozen=True)
class Session:
    """A connected target. `own`: its local server is temporary, and ends when no command uses it."""

    gateway: OperatorGateway
    target: str
    own: bool = False

    @property
    def is_local(self) -> bool:
        return self.target == LOCAL


def usual_target() -> str:
    """The target of commands and calls that name none."""
    return os.environ.get(VARIABLE) or LOCAL


def state_folder() -> Path:
    return Path(state_path())


def require_lasting_server(session: Session, *, wait: bool) -> None:
    """TargetError: the command does not wait, and the temporary server that runs the run ends with it."""
    if session.own and not wait:
        message = "--no-wait needs a local server that stays; the temporary one ends with this command"
        raise TargetError(message, "run stagewright up first")


def target_label(target: str) -> str:
    """The state folder of the local target, else the target's name."""
    return str(state_folder()) if target == LOCAL else f"the target {target}"


def is_empty(target: str) -> bool:
    """Whether the local state folder does not exist yet. A command that only reads does not create it."""
    return target == LOCAL and not state_folder().exists()


def environment_of(target: str) -> str:
    """Name of the target's environment, from its settings."""
    return LOCAL if target == LOCAL else _settings(target)["environment"]


def require_runs(target: str) -> None:
    """NotFoundError: there is no local state folder, so there are no runs."""
    if is_empty(target):
        raise NotFoundError(
            f"no runs in {target_label(target)}: the folder does not exist",
            "start a run with stagewright run PIPELINE, or set STAGEWRIGHT_STATE to another state folder",
        )


@contextmanager
def existing_session(target: str, runs: bool = False) -> Iterator[Session]:
    """`session` for a command that needs recorded runs. NotFoundError: there is no local state folder."""
    require_runs(target)
    with session(target, runs) as connected:
        yield connected


@contextmanager
def session(target: str, runs: bool = False) -> Iterator[Session]:
    """Connect to `target`. TargetError: stagewright.toml does not describe it, or it cannot be reached.

    `runs`: the command waits for runs, so a temporary server may start them.
    """
    if target == LOCAL:
        with _local(runs) as connected:
            yield connected
    else:
        yield Session(_aws(target), target)


@contextmanager
def _local(runs: bool) -> Iterator[Session]:
    from stagewright.local import server as local
    from stagewright.local.state import State

    state = state_folder()
    if local.find(state) is None:
        if not State(state).identity_file.exists():  # once per state folder
            notes.info("starting a temporary local server (stagewright up starts one that stays)")
        Thread(target=_prepare_gateway, args=(state,), daemon=True).start()
    with local.temporary(state, runs, wait_for_runs if runs else None, notes.info) as server:
        yield Session(connect(server), LOCAL, own=not local.is_persistent(state))


def wait_for_runs(server: Server) -> None:
    """Wait for other runs that the temporary server has started and would cut off.

    Does not wait for a run that waits for approval. Returns at once if the server stays, or if another
    command waits for runs.
    """
    from stagewright.local.server import starts_runs

    gateway, noted = connect(server), set[str]()
    with suppress(TargetError):
        while not starts_runs(server.state) and (running := _running_runs(gateway)):
            for run in sorted(running - noted):
                notes.info(f"{run} has started; this command waits until it ends (Ctrl-C stops it)")
            noted |= running
            time.sleep(POLL_SECONDS)


def _running_runs(gateway: OperatorGateway) -> set[str]:
    from stagewright.store.run_items import WAITING

    return {
        header.run
        for header in gateway.runs.open_runs(OPEN_RUNS)
        if header.status != "QUEUED"
        and gateway.executions.is_running(header.run)
        and not any(stage.status == WAITING for stage in gateway.runs.stages(header.run).values())
    }


def _prepare_gateway(state: Path) -> None:
    """Create the gateway while the server starts. The server usually has the same URL as the last time."""
    from sagemaker_local.errors import SageMakerLocalError
    from stagewright.local.state import INSTALLATION, State

    import_module("stagewright.operator_gateway")
    saved = State(state)
    if saved.identity_file.exists():
        with suppress(TargetError, SageMakerLocalError):  # the server reports it
            identity = saved.identity()
            gateway = _gateway(INSTALLATION, identity.url, identity.access_key, identity.secret_key)
            for name in ("runs", "objects"):
                getattr(gateway, name)


def connect(server: Server) -> OperatorGateway:
    from stagewright.local.state import INSTALLATION

    return _gateway(INSTALLATION, server.url, server.access_key, server.secret_key)


@cache
def _gateway(installation: Installation, url: str, access_key: str, secret_key: str) -> OperatorGateway:
    from stagewright.local import health
    from stagewright.operator_gateway import OperatorGateway

    gateway = OperatorGateway.connect(
        installation, url, access_key, secret_key, read_timeout=health.RESPONSE_SECONDS - health.CHECK_SECONDS
    )
    health.limit_waiting(gateway.session, url)
    return gateway


def _aws(target: str) -> OperatorGateway:
    from stagewright.operator_gateway import OperatorGateway

    settings = _settings(target)
    return OperatorGateway.connect(installation(settings), profile=settings.get("profile"))


def _settings(target: str) -> dict[str, str]:
    targets = configured_targets(Path.cwd())
    if target not in targets:
        from stagewright.syntax.findings import nearest

        remedy = f"{nearest(target, [LOCAL, *targets])}; add [targets.{target}] to {FILE} for a new target"
        raise TargetError(f"No target {target} is configured in {FILE}", remedy)
    return validated_settings(target, targets[target])


def configured_targets(folder: Path) -> Mapping[str, Any]:
    """The `[targets.*]` tables of stagewright.toml in `folder` or the nearest parent that has one."""
    file = next((path / FILE for path in (folder, *folder.parents) if (path / FILE).is_file()), None)
    if file is None:
        return {}
    try:
        targets = tomllib.loads(file.read_text(encoding="utf-8")).get("targets", {})
    except (ValueError, RecursionError) as error:
        raise TargetError(f"{file}: {error}", "correct the file; it must be TOML") from None
    return targets if isinstance(targets, dict) else {}


def validated_settings(target: str, settings: Any) -> dict[str, str]:
    """The settings of one target. TargetError lists every key that is missing, unknown or not a string."""
    if not isinstance(settings, dict):
        raise TargetError(f"{FILE}: targets.{target} is not a table", f"write [targets.{target}]")
    problems = [f"{key} is unknown" for key in settings if key not in FIELDS]
    problems += [f"{key} is missing" for key in REQUIRED if key not in settings]
    problems += [f"{key} is not a string" for key, value in settings.items() if not isinstance(value, str)]
    if problems:
        raise TargetError(
            f"{FILE}: targets.{target}: {', '.join(problems)}", f"keys: {', '.join(sorted(FIELDS))}"
        )
    return settings


def installation(settings: Mapping[str, str]) -> Installation:
    """The installation that the settings describe. Without `account`, STS provides it."""
    region = settings["region"]
    return Installation(
        bucket=settings["bucket"],
        region=region,
        account=settings.get("account") or _account(region, settings.get("profile")),
        environment=settings["environment"],
        prefix=settings.get("prefix", "stagewright"),
        partition="aws-cn"
        if region.startswith("cn-")
        else "aws-us-gov"
        if region.startswith("us-gov-")
        else "aws",
    )


def _account(region: str, profile: str | None) -> str:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = boto3.Session(profile_name=profile, region_name=region).client("sts")
        return str(client.get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        raise TargetError(
            f"AWS did not return the account: {error}", "log in, or check the profile"
        ) from None
