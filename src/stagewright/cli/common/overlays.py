"""The overlays beside a document: which there are, and those of an environment that nobody knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stagewright.cli.common import output
from stagewright.cli.common.target import LOCAL, configured_targets
from stagewright.errors import Problem

FOLDER = "environments"
"""Beside the document, with an overlay for each environment that has one."""
READ = (".yaml", ".yml", ".json")
USUAL = ("dev", "uat", "prod")
"""Terraform's environments where nobody says others (infra/variables.tf)."""
VARIABLES = "infra/envs"
_ENVIRONMENT = re.compile(r'^\s*environment\s*=\s*"([^"]*)"', re.MULTILINE)


@dataclass(frozen=True)
class Stray:
    """A file that no installation known here reads. `sure`: its name is one that is known, misspelt."""

    problem: Problem
    sure: bool


def overlays(document: Path) -> list[Path]:
    """The overlay files beside a document, sorted."""
    found = (document.parent / FOLDER).glob("*")
    return sorted(file for file in found if file.suffix in READ and file.is_file())


def strays(document: Path) -> Iterator[Stray]:
    """Beside the document: overlays of unknown environments, files that are no overlays, folders that are
    called almost like that of the overlays."""
    described = described_environments(document.parent.resolve())
    for file in sorted((document.parent / FOLDER).glob("[!.]*")):
        if file.suffix in READ and file.is_file():
            yield from _unknown(file, described)
            if file.suffix != ".yaml" and file.stem != LOCAL and variables(document.parent.resolve()):
                yield _stray(file, "Terraform reads .yaml alone", f"call it {file.stem}.yaml", sure=False)
        elif file.suffix != ".md":
            yield _stray(
                file, "is no overlay, and is not read", "an overlay is <environment>.yaml", sure=False
            )
    yield from _misspelt_folders(document.parent)


def warn(document: Path) -> None:
    """Says which overlays are of no environment that is known."""
    for stray in strays(document):
        output.note(f"warning: {stray.problem}")


def described_environments(folder: Path) -> frozenset[str]:
    """As the nearest stagewright.toml and the nearest infra/envs have them, in `folder` or above."""
    targets = configured_targets(folder).values()
    named = {each.get("environment") for each in targets if isinstance(each, dict)}
    return frozenset(filter(None, (*named, *map(_environment, variables(folder)))))


def variables(folder: Path) -> list[Path]:
    """Terraform's variables of each environment: the nearest infra/envs/*.tfvars, in `folder` or above."""
    places = (place / VARIABLES for place in (folder, *folder.parents))
    envs = next((place for place in places if place.is_dir()), None)
    return sorted(envs.glob("*.tfvars")) if envs else []


def _environment(variables: Path) -> str:
    said = _ENVIRONMENT.search(variables.read_text(encoding="utf-8", errors="replace"))
    return said[1] if said else variables.stem


def _unknown(file: Path, described: frozenset[str]) -> Iterator[Stray]:
    from stagewright.syntax.findings import LIKELY_TYPO, closest_match

    known = {LOCAL, *(described or USUAL)}
    if file.stem in known:
        return
    close = closest_match(file.stem, known, LIKELY_TYPO)
    add = f"describe it: [targets.{file.stem}] in stagewright.toml, or {VARIABLES}/{file.stem}.tfvars"
    remedy = (
        f'did you mean "{close}"? If not, {add}' if close else f"known: {', '.join(sorted(known))}; {add}"
    )
    message = f"no environment {file.stem} is known here, so nothing reads this overlay"
    yield _stray(file, message, remedy, sure=bool(close))


def _misspelt_folders(folder: Path) -> Iterator[Stray]:
    from stagewright.syntax.findings import closest_match

    for place in sorted(folder.iterdir()):
        if (
            place.name != FOLDER
            and closest_match(place.name, [FOLDER])
            and place.is_dir()
            and any(place.glob("*.y*ml"))
        ):
            yield _stray(place, "is not read", f"overlays stand in {FOLDER}/", sure=True)


def _stray(file: Path, message: str, remedy: str, *, sure: bool) -> Stray:
    return Stray(Problem("", message, remedy, str(file)), sure)
