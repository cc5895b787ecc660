"""The machines of a job: `InstanceCount` of them, algo-1 to algo-n, each a process with its own /opt/ml.

Each has a loopback address of its own, 127.0.0.1 to 127.0.0.n, and a hosts file that knows all names, so that
they reach one another by name and may listen on the same port. Without namespaces there is no hosts file of
one's own: the names are then only names, and the job's log says so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagemaker_local.api.protocol import unsupported
from sagemaker_local.storage import WHOLE, Shard

MOST = 32
"""Hosts of one job: each is at least one process of this machine."""
LOG = "log"
NETWORK_INTERFACE = "lo"


@dataclass(frozen=True)
class Host:
    number: int
    names: tuple[str, ...]
    """Of all hosts of the job."""
    job: Path
    """The job's folder, which is the first host's, too."""

    @property
    def name(self) -> str:
        return self.names[self.number]

    @property
    def folder(self) -> Path:
        return self.job / self.name if self.number else self.job

    @property
    def opt_ml(self) -> Path:
        """What the host sees as /opt/ml."""
        return self.folder / "ml"

    @property
    def log_file(self) -> Path:
        return self.job / (f"{LOG}-{self.name}" if self.number else LOG)

    def shard(self, distribution: str) -> Shard:
        """The part of an input that this host gets, by its S3DataDistributionType."""
        return Shard(self.number, len(self.names)) if distribution == "ShardedByS3Key" else WHOLE


def hosts_of(job: Path, count: int) -> tuple[Host, ...]:
    names = tuple(f"algo-{number}" for number in range(1, count + 1))
    return tuple(Host(number, names, job) for number in range(count))


def check_count(field: str, count: int) -> None:
    if count > MOST:
        raise unsupported(f"{field}={count}, more than {MOST} hosts on one machine")


def together(hosts: tuple[Host, ...], path: str, note: Callable[[str], None]) -> Path:
    """A folder under /opt/ml, of all hosts in one: "they should ensure that no file/directory names clash"
    (developer guide, "How SageMaker Processes Training Output"). Where they do, the first host's file stays.
    """
    if len(hosts) == 1:
        return hosts[0].opt_ml / path
    target = hosts[0].job / "together" / path
    target.mkdir(parents=True)
    for host in hosts:
        for clash in _added(host.opt_ml / path, target):
            note(f"WARNING: {host.name} wrote {clash}, too: the one of an earlier host is kept")
    return target


def _added(source: Path, target: Path) -> Iterable[str]:
    """Links the files of `source` into `target`; answers those that are there already."""
    clashes: list[str] = []

    def link(file: str, place: str) -> None:
        if os.path.lexists(place):
            clashes.append(f"/opt/ml/{source.name}/{Path(file).relative_to(source)}")
        else:
            os.link(file, place)

    def copy(file: str, place: str, **_: Any) -> None:
        link(file, place)

    if source.is_dir():
        shutil.copytree(source, target, copy_function=copy, dirs_exist_ok=True)
    return clashes
