"""Training on one host (sagemaker_xgboost_container/distributed.py).

On more hosts AWS's image runs its own Rabit tracker, which is not here.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any


def wait_hostname_resolution(sm_hosts: list[str]) -> None:
    """Return at once: the job's hosts have names from the start."""


class RabitHelper:
    """The cluster of one host."""

    def __init__(self, is_master: bool, current_host: str, master_port: int) -> None:
        self.is_master, self.rank = is_master, 0
        self.current_host, self.master_port = current_host, master_port

    def synchronize(self, data: Any) -> list[Any]:
        return [data]


class Rabit:
    """The context of a cluster of one host. NotImplementedError for more."""

    def __init__(
        self, hosts: list[str], current_host: str | None = None, port: int | None = None, **_ignored: Any
    ) -> None:
        if len(hosts) > 1:
            raise NotImplementedError(
                "sagemaker_xgboost_container.distributed runs on one host only in the local SageMaker: "
                "set instance_count to 1"
            )
        self._helper = RabitHelper(True, current_host or "127.0.0.1", port or 9099)

    def start(self) -> RabitHelper:
        return self._helper

    def stop(self) -> None:
        """Nothing to stop."""

    def __enter__(self) -> RabitHelper:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()


def rabit_run(
    exec_fun: Callable[..., Any],
    args: dict[str, Any],
    include_in_training: bool,
    hosts: list[str],
    current_host: str,
    update_rabit_args: bool = False,
    **_ports: Any,
) -> None:
    """Call the function in the cluster. With `update_rabit_args` it also gets `is_master`."""
    with Rabit(hosts=hosts, current_host=current_host) as cluster:
        if not include_in_training:
            logging.warning("Host %s not being used for distributed training.", current_host)
            sys.exit(0)
        exec_fun(**{**args, **({"is_master": cluster.is_master} if update_rabit_args else {})})
