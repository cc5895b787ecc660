"""The hosts of a job: algo-1 to algo-n for InstanceCount n, each a process with its own /opt/ml.

Each host has its own loopback address (127.0.0.1 to 127.0.0.n) and a hosts file with all names. So hosts
reach each other by name and can listen on the same port. Without Linux namespaces there is no such hosts
file, and the job's log has a warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sagemaker_local.api.protocol import unsupported
from sagemaker_local.jobs.job_files import CONTAINER, JobFiles, Note
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

    def local(self, path: str) -> Path:
        """The folder or file that the host sees at a path under /opt/ml."""
        return self.opt_ml / path.removeprefix(CONTAINER).lstrip("/")

    def shard(self, distribution: str) -> Shard:
        """The part of an input that this host gets for an S3DataDistributionType."""
        return Shard(self.number, len(self.names)) if distribution == "ShardedByS3Key" else WHOLE


def make_hosts(job: Path, count: int) -> tuple[Host, ...]:
    names = tuple(f"algo-{number}" for number in range(1, count + 1))
    return tuple(Host(number, names, job) for number in range(count))


def check_count(field: str, count: int) -> None:
    if count > MAX_HOSTS:
        raise unsupported(f"{field}={count}, more than {MAX_HOSTS} hosts on one machine")


def merged_files(
    hosts: tuple[Host, ...], path: str, note: Note, *, optional: bool = False
) -> dict[str, Path]:
    """The files and folders that all hosts have below a path under /opt/ml. The first host's file wins.

    "They should ensure that no file/directory names clash" (developer guide, "How SageMaker Processes
    Training Output").
    """
    merged: dict[str, Path] = {}
    for host in hosts:
        for name, file in JobFiles(host.opt_ml, note).tree(path, optional=optional).items():
            if _clashes(merged, name, file):
                note(f"WARNING: {host.name} also wrote {path}/{name}; the file of an earlier host is kept")
            else:
                merged.setdefault(name, file)
    return merged


def _clashes(merged: dict[str, Path], name: str, file: Path) -> bool:
    """Whether another file has this name, or the name of one of its folders. Folders are shared."""
    if name in merged and not file.is_dir():
        return True
    return any(
        not merged[str(above)].is_dir()
        for above in (PurePosixPath(name), *PurePosixPath(name).parents)
        if str(above) in merged
    )
