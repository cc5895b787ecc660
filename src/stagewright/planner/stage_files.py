"""The code files of a stage: its script, included files, and the requirements.txt in the script's folder."""

from __future__ import annotations

from collections.abc import Collection
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

    Script mode installs the requirements.txt in the root of the code folder, so the bundle includes it, and
    the one next to the script, which it may install itself. A processing job installs nothing, so there it
    must be included explicitly. Raises PlanError for missing files, and for a script that is a folder.
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
    if any(folder_problem(script, release.files)):
        problems.append(Problem(f"stages.{name}.{field}", *folder_problem(script, release.files)))
    if problems:
        raise PlanError(tuple(problems))
    if field == "entry_point":
        own = str(PurePosixPath(script).parent / REQUIREMENTS)
        files.update({REQUIREMENTS, own} & release.files.keys())
    return tuple(sorted(files))


def folder_problem(script: str, paths: Collection[str]) -> tuple[str, str]:
    """Return message and remedy for a script that is a folder, or two empty texts.

    With a setup.py, the toolkit runs a folder as a module (sagemaker-training, process.py).
    """
    inside = sorted(path for path in paths if path.startswith(f"{script.rstrip('/')}/"))
    if not inside or script in paths or "setup.py" in paths:
        return "", ""
    likely = next((path for path in inside if path.endswith((".py", ".sh"))), inside[0])
    return f"{script} is a folder", f"name the script in it, such as {likely}"
