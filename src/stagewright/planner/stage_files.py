"""The code files of a stage: its script, what it includes, and a requirements.txt beside it."""

from __future__ import annotations

from pathlib import PurePosixPath

from stagewright.errors import PlanError, Problem
from stagewright.planner.release import Release
from stagewright.stages.registry import AnyStage
from stagewright.syntax.findings import nearest

SCRIPTS = ("code", "entry_point")
"""Fields that name a stage's script; no kind has both."""
REQUIREMENTS = "requirements.txt"


def script_of(stage: AnyStage) -> tuple[str, str]:
    """Field and path of the stage's script; two empty texts where it has none."""
    found = ((field, getattr(stage, field, None)) for field in SCRIPTS)
    return next(((field, script) for field, script in found if script), ("", ""))


def bundle(stage: AnyStage, name: str, release: Release) -> tuple[str, ...]:
    """Paths in the release, sorted; none for a stage without a script. PlanError for a file that is not
    there.

    Script mode installs a requirements.txt before it starts the script, so one beside the entry point belongs
    to the bundle; a processing job does not, so there it is a file like any other.
    """
    field, script = script_of(stage)
    if not script:
        return ()
    include: tuple[str, ...] = getattr(stage, "include", ())
    asked = [(field, script), *((f"include[{index}]", path) for index, path in enumerate(include))]
    problems = []
    chosen: set[str] = set()
    for place, path in asked:
        try:
            chosen.update(release.select([path]))
        except KeyError:
            remedy = nearest(path, release.files, "there") or "add it to the code folder"
            problems.append(Problem(f"stages.{name}.{place}", f"no {path} in the release", remedy))
    if problems:
        raise PlanError(tuple(problems))
    beside = str(PurePosixPath(script).parent / REQUIREMENTS)
    if field == "entry_point" and beside in release.files:
        chosen.add(beside)
    return tuple(sorted(chosen))
