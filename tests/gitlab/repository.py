"""The clone of a generated repository, with gitlab-ci-local in it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stagewright.local import program

SECONDS = 400
GIT = ("git", "-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main")


@dataclass(frozen=True)
class GitLab:
    """In the clone of a repository, on its default branch, with nothing changed since what GitLab has."""

    folder: Path
    command: tuple[str, ...]
    environment: dict[str, str]

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments], cwd=self.folder, env=self.environment, capture_output=True,
            text=True, check=False, timeout=SECONDS,
        )  # fmt: skip

    def job(self, name: str) -> subprocess.CompletedProcess[str]:
        """Runs it in a shell, where everything is installed, whatever has changed."""
        given = [
            "--variable",
            "INSTALL=true",
            "--variable",
            f"STAGEWRIGHT_CACHE={program.STAGEWRIGHT.cache_folder}",
        ]
        return self("--force-shell-executor", "--no-evaluate-rule-changes", *given, name)

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Those of a pipeline of what is changed now."""
        done = self("--list-csv")
        assert done.returncode == 0, done.stderr
        header, *rows = done.stdout.strip().splitlines()
        names = header.split(";")
        return {row.split(";")[0]: dict(zip(names, row.split(";"), strict=True)) for row in rows}

    def previewed(self) -> dict[str, Any]:
        """The file with everything expanded."""
        import yaml

        done = self("--preview")
        assert done.returncode == 0, done.stderr
        return yaml.safe_load(done.stdout)

    def git(self, *arguments: str) -> None:
        subprocess.run([*GIT, *arguments], cwd=self.folder, check=True, capture_output=True)
