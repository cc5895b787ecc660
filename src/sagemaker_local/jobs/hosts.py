"""The hosts of a job: algo-1 to algo-n for InstanceCount n, each a process with its own /opt/ml.

Each host has its own loopback address (127.0.0.1 to 127.0.0.n) and a hosts file with all names. So hosts
reach each other by name and can listen on the same port. Without Linux namespaces there is no such hosts
file, and the job's log has a warning.
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

MAX_HOSTS = 32
"""The maximum number of hosts of a job. Each is at least one process of this machine."""
LOG = "log"
NETWORK_INTERFACE = "lo"


@dataclass(frozen=True)
class Host:
    number: int
    names: tuple[str, ...]
    """The names of all hosts of the job."""
    job: Path
    """The job's folder. It is also the first host's folder."""

    @property
    def name(self) -> str:
        return self.names[self.number]

    @property
    def folder(self) -> Path:
        return self.job / self.name if self.number else self.job

    @property
    def opt_ml(self) -> Path:
        """The folder that the host sees as /opt/ml."""
        return self.folder / "ml"

    @property
    def log_file(self) -> Path:
        return self.job / (f"{LOG}-{self.name}" if self.number else LOG)

    def shard(self, distribution: str) -> Shard:
        """The part of an input that this host gets for an S3DataDistributionType."""
        return Shard(self.number, len(self.names)) if distribution == "ShardedByS3Key" else WHOLE


def make_hosts(job: Path, count: int) -> tuple[Host, ...]:
    names = tuple(f"algo-{number}" for number in range(1, count + 1))
    return tuple(Host(number, names, job) for number in range(count))


def check_count(field: str, count: int) -> None:
    if count > MAX_HOSTS:
        raise unsupported(f"{field}={count}, more than {MAX_HOSTS} hosts on one machine")


def merged_folder(hosts: tuple[Host, ...], path: str, note: Callable[[str], None]) -> Path:
    """One folder with the files that all hosts have at a path under /opt/ml. The first host's file wins.

    "They should ensure that no file/directory names clash" (developer guide, "How SageMaker Processes
    Training Output").
    """
    if len(hosts) == 1:
        return hosts[0].opt_ml / path
    target = hosts[0].job / "merged" / path
    target.mkdir(parents=True)
    for host in hosts:
        for clash in _link_files(host.opt_ml / path, target):
            note(f"WARNING: {host.name} also wrote {clash}; the file of an earlier host is kept")
    return target


def _link_files(source: Path, target: Path) -> Iterable[str]:
    """Link the files of `source` into `target`. Returns the files that exist already."""
    clashes: list[str] = []

    def link(file: str, linked: str) -> None:
        if os.path.lexists(linked):
            clashes.append(f"/opt/ml/{source.name}/{Path(file).relative_to(source)}")
        else:
            os.link(file, linked)

    def copy(file: str, linked: str, **_: Any) -> None:
        link(file, linked)

    if source.is_dir():
        shutil.copytree(source, target, copy_function=copy, dirs_exist_ok=True)
    return clashes
