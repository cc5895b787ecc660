"""The overlays of a document, and files that look like overlays but that no environment reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stagewright.api import notes
from stagewright.api.target import LOCAL, configured_targets
from stagewright.errors import Problem

FOLDER = "environments"
"""The folder next to the document that holds an overlay per environment."""
SUFFIXES = (".yaml", ".yml", ".json")
USUAL = ("dev", "uat", "prod")
"""Environments that are known without stagewright.toml and infra/envs (infra/variables.tf)."""
VARIABLES = "infra/envs"
_ENVIRONMENT = re.compile(r'^[ \t]*environment[ \t]*=[ \t]*"([^"]*)"', re.MULTILINE)


@dataclass(frozen=True)
class UnreadFile:
    """A file that no known environment reads. `is_error`: the name is surely a misspelling of a known one."""

    problem: Problem
    is_error: bool


def overlays(document: Path) -> list[Path]:
    """The overlay files of a document, sorted."""
    files = (document.parent / FOLDER).glob("*")
    return sorted(file for file in files if file.suffix in SUFFIXES and file.is_file())


def unread_files(document: Path) -> Iterator[UnreadFile]:
    """Overlays of unknown environments, other files in environments/, and misspelt folders of that name."""
    known = known_environments(document.parent.resolve())
    for file in sorted((document.parent / FOLDER).glob("[!.]*")):
        if file.suffix in SUFFIXES and file.is_file():
            yield from _unknown(file, known)
            if file.suffix != ".yaml" and file.stem != LOCAL and variables(document.parent.resolve()):
                yield _unread(
                    file, "Terraform reads only .yaml", f"rename it to {file.stem}.yaml", is_error=False
                )
        elif file.suffix != ".md":
            yield _unread(
                file,
                "is not an overlay, so it is not read",
                "name an overlay <environment>.yaml",
                is_error=False,
            )
    yield from _misspelt_folders(document.parent)


def warn(document: Path) -> None:
    """Print a warning for each file that is not read."""
    for file in unread_files(document):
        notes.warn(f"{file.problem}")


def known_environments(folder: Path) -> frozenset[str]:
    """Environments of the nearest stagewright.toml and the nearest infra/envs, in `folder` or a parent."""
    targets = configured_targets(folder).values()
    named = {settings.get("environment") for settings in targets if isinstance(settings, dict)}
    return frozenset(filter(None, (*named, *map(_environment, variables(folder)))))


def variables(folder: Path) -> list[Path]:
    """Terraform variables of each environment: the nearest infra/envs/*.tfvars, in `folder` or a parent."""
    folders = (path / VARIABLES for path in (folder, *folder.parents))
    envs = next((path for path in folders if path.is_dir()), None)
    return sorted(envs.glob("*.tfvars")) if envs else []


def _environment(variables: Path) -> str:
    match = _ENVIRONMENT.search(variables.read_text(encoding="utf-8", errors="replace"))
    return match[1] if match else variables.stem


def _unknown(file: Path, environments: frozenset[str]) -> Iterator[UnreadFile]:
    from stagewright.syntax.findings import LIKELY_TYPO, closest_match

    known = {LOCAL, *(environments or USUAL)}
    if file.stem in known:
        return
    close = closest_match(file.stem, known, LIKELY_TYPO)
    add = f"add [targets.{file.stem}] to stagewright.toml, or {VARIABLES}/{file.stem}.tfvars"
    remedy = (
        f'did you mean "{close}"? If not, {add}' if close else f"known: {', '.join(sorted(known))}; {add}"
    )
    message = f"there is no environment {file.stem}, so this overlay is not read"
    yield _unread(file, message, remedy, is_error=bool(close))


def _misspelt_folders(folder: Path) -> Iterator[UnreadFile]:
    from stagewright.syntax.findings import closest_match

    for path in sorted(folder.iterdir()):
        if (
            path.name != FOLDER
            and closest_match(path.name, [FOLDER])
            and path.is_dir()
            and any(path.glob("*.y*ml"))
        ):
            yield _unread(path, "is not read", f"move the overlays to {FOLDER}/", is_error=True)


def _unread(file: Path, message: str, remedy: str, *, is_error: bool) -> UnreadFile:
    return UnreadFile(Problem("", message, remedy, str(file)), is_error)
