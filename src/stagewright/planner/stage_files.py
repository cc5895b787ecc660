"""The code files of a stage: its script, included files, and the requirements.txt in the script's folder."""

from __future__ import annotations

from pathlib import PurePosixPath

from stagewright.errors import PlanError, Problem
from stagewright.planner.release import Release
from stagewright.stages.registry import AnyStage
from stagewright.syntax.findings import nearest

SCRIPTS = ("code", "entry_point")
"""Fields that name a stage's script. No kind has both."""
REQUIREMENTS = "requirements.txt"


def script_of(stage: AnyStage) -> tuple[str, str]:
    """Return field and path of the stage's script, or two empty texts."""
    fields = ((field, getattr(stage, field, None)) for field in SCRIPTS)
    return next(((field, script) for field, script in fields if script), ("", ""))


def bundle(stage: AnyStage, name: str, release: Release) -> tuple[str, ...]:
    """Return the stage's files as sorted paths of the release. A stage without a script has none.

    Script mode installs the requirements.txt in the folder of the entry point, so the bundle includes it. A
    processing job installs nothing, so there it must be included explicitly. Raises PlanError for missing
    files.
    """
    field, script = script_of(stage)
    if not script:
        return ()
    include: tuple[str, ...] = getattr(stage, "include", ())
    named = [(field, script), *((f"include[{index}]", path) for index, path in enumerate(include))]
    problems = []
    files: set[str] = set()
    for field_path, path in named:
        try:
            files.update(release.select([path]))
        except KeyError:
            remedy = nearest(path, release.files, "files") or "add it to the code folder"
            problems.append(Problem(f"stages.{name}.{field_path}", f"no {path} in the release", remedy))
    if problems:
        raise PlanError(tuple(problems))
    requirements = str(PurePosixPath(script).parent / REQUIREMENTS)
    if field == "entry_point" and requirements in release.files:
        files.add(requirements)
    return tuple(sorted(files))
