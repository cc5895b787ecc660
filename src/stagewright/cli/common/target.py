"""Where commands go: the local server, or an installation on AWS that stagewright.toml names.

A command that needs the local server uses the one that is up. Where none is, it starts one, which ends with
it, or with the last of the commands that have come to use it meanwhile. Such a server starts runs only while
one of these commands sees runs to their end (`runs`): what waits when somebody looks goes on waiting.
"""

from __future__ import annotations

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

from stagewright.cli.common import output
from stagewright.cli.state_path import state_path
from stagewright.errors import NotFoundError, TargetError
from stagewright.naming import Installation

if TYPE_CHECKING:
    from sagemaker_local.state_folder import Server
    from stagewright.operator_gateway import OperatorGateway

LOCAL = "local"
FILE = "stagewright.toml"
FIELDS = {"bucket", "region", "environment", "prefix", "profile", "account"}
OPEN_RUNS = 1000
"""So many are looked at."""
POLL_SECONDS = 0.2
REQUIRED = ("bucket", "region", "environment")


@dataclass(frozen=True)
class Session:
    """A connected target. `own`: its local server ends when no command uses it any more."""

    gateway: OperatorGateway
    target: str
    own: bool = False

    @property
    def is_local(self) -> bool:
        return self.target == LOCAL


def state_folder() -> Path:
    return Path(state_path())


def target_label(target: str) -> str:
    return str(state_folder()) if target == LOCAL else f"the target {target}"


def is_empty(target: str) -> bool:
    """Whether nothing has been kept there yet: a command that only reads makes no state folder."""
    return target == LOCAL and not state_folder().exists()


def environment_of(target: str) -> str:
    """The environment's name, without contacting anybody."""
    return LOCAL if target == LOCAL else _settings(target)["environment"]


@contextmanager
def existing_session(target: str, runs: bool = False) -> Iterator[Session]:
    """A session of a command that works with what there is. NotFoundError where there can be nothing."""
    if is_empty(target):
        raise NotFoundError(
            f"no runs in {target_label(target)}: there is no such folder",
            "stagewright run PIPELINE starts one; STAGEWRIGHT_STATE names the state folder of another place",
        )
    with session(target, runs) as connected:
        yield connected


@contextmanager
def session(target: str, runs: bool = False) -> Iterator[Session]:
    """Connects to `target`. TargetError when it cannot be reached or is not described.

    `runs`: this command sees runs to their end, so that also a server of its own may start them.
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
        if not State(state).identity_file.exists():  # said once in a state folder's life
            output.note(
                "no local server is up: starting one for this command (stagewright up leaves one running)"
            )
        Thread(target=_prepare_gateway, args=(state,), daemon=True).start()  # meanwhile
    with local.borrow(state, not runs, wait_for_runs if runs else None) as server:
        yield Session(connect(server), LOCAL, own=not local.is_lasting(state))


def wait_for_runs(server: Server) -> None:
    """Waits for runs that have had their turn meanwhile, and would be cut off with this command's server.

    Not for one that waits for a person, and for none where the server stays, or another command sees to them.
    """
    from stagewright.local.server import starts_runs

    gateway, told = connect(server), set[str]()
    with suppress(TargetError):
        while not starts_runs(server.state) and (left := _running_runs(gateway)):
            for run in sorted(left - told):
                output.note(f"{run} has begun meanwhile; this command stays until it ends (Ctrl-C stops it)")
            told |= left
            time.sleep(POLL_SECONDS)


def _running_runs(gateway: OperatorGateway) -> set[str]:
    from stagewright.store.runs import WAITING

    return {
        header.run
        for header in gateway.runs.open_runs(OPEN_RUNS)
        if header.status != "QUEUED"
        and gateway.executions.is_running(header.run)
        and not any(stage.status == WAITING for stage in gateway.runs.stages(header.run).values())
    }


def _prepare_gateway(state: Path) -> None:
    """What every command needs of the gateway. The server will be where it was last time, or else the
    clients are made again."""
    from stagewright.local.state import INSTALLATION, State

    import_module("stagewright.operator_gateway")
    known = State(state)
    if known.identity_file.exists():
        with suppress(TargetError):  # the server says so, too
            identity = known.identity()
            gateway = _gateway(INSTALLATION, identity.url, identity.access_key, identity.secret_key)
            for name in ("runs", "objects"):
                getattr(gateway, name)


def connect(server: Server) -> OperatorGateway:
    from stagewright.local.state import INSTALLATION

    return _gateway(INSTALLATION, server.url, server.access_key, server.secret_key)


@cache
def _gateway(installation: Installation, url: str, access_key: str, secret_key: str) -> OperatorGateway:
    from stagewright.operator_gateway import OperatorGateway

    return OperatorGateway.connect(installation, url, access_key, secret_key)


def _aws(target: str) -> OperatorGateway:
    from stagewright.operator_gateway import OperatorGateway

    settings = _settings(target)
    return OperatorGateway.connect(installation(settings), profile=settings.get("profile"))


def _settings(target: str) -> dict[str, str]:
    described = configured_targets(Path.cwd())
    if target not in described:
        from stagewright.syntax.findings import nearest

        remedy = f"{nearest(target, [LOCAL, *described])}; [targets.{target}] in {FILE} describes a new one"
        raise TargetError(f"{FILE} describes no target {target}", remedy)
    return validated_settings(target, described[target])


def configured_targets(folder: Path) -> Mapping[str, Any]:
    """The `[targets.*]` tables of the nearest stagewright.toml, here or in a folder above."""
    file = next((place / FILE for place in (folder, *folder.parents) if (place / FILE).is_file()), None)
    if file is None:
        return {}
    try:
        targets = tomllib.loads(file.read_text(encoding="utf-8")).get("targets", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TargetError(f"{file}: {error}", "mend the file; its form is TOML") from None
    return targets if isinstance(targets, dict) else {}


def validated_settings(target: str, settings: Any) -> dict[str, str]:
    """The settings of one target, all text. TargetError names every key that is missing or not known."""
    if not isinstance(settings, dict):
        raise TargetError(f"{FILE}: targets.{target} is not a table", f"write [targets.{target}]")
    wrong = [f"{key} is not known" for key in settings if key not in FIELDS]
    wrong += [f"{key} is missing" for key in REQUIRED if key not in settings]
    wrong += [f"{key} is not text" for key, value in settings.items() if not isinstance(value, str)]
    if wrong:
        raise TargetError(
            f"{FILE}: targets.{target}: {', '.join(wrong)}", f"keys: {', '.join(sorted(FIELDS))}"
        )
    return settings


def installation(settings: Mapping[str, str]) -> Installation:
    """The installation that the settings describe; the account is asked for where they leave it out."""
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
            f"AWS does not say which account this is: {error}", "log in, or check the profile"
        ) from None
