"""Check that the files which a document names exist on disk. The document itself may be invalid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stagewright.errors import ReleaseError
from stagewright.planner.release import CodeFile, Release
from stagewright.planner.stage_files import SCRIPTS, folder_problem
from stagewright.runs.releases import code_folder as folders
from stagewright.stages.base.rules import relative
from stagewright.syntax.findings import Finding, nearest
from stagewright.syntax.findings import Path as FieldPath


def code_findings(folder: Path, data: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what is wrong with the code files that stages name. `folder` is the folder of the document."""
    named = list(_named(data.get("stages")))
    code = data.get("code", "code")
    if not named or not isinstance(code, str) or (code != "." and any(relative(code, ()))):
        return
    code_folder = folder / code
    if not code_folder.exists():
        yield Finding(
            ("code",), f"there is no folder {code_folder}", "create it, or name the folder of the code files"
        )
        return
    try:
        files = folders.list_paths(code_folder)
    except ReleaseError as error:
        yield Finding(("code",), error.message, error.remedy)
        return
    release = Release("", dict.fromkeys(files, CodeFile("")))
    for path, text in named:
        try:
            release.select([text])
        except KeyError:
            remedy = nearest(text, files, "there") or f"put it into {code_folder}"
            yield Finding(path, f"no {text} in the code folder {code_folder}", remedy)
        message, remedy = folder_problem(text, files)
        if message and path[-1] in SCRIPTS:
            yield Finding(path, message, remedy)


def sample_findings(folder: Path, data: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the sample data that does not exist. Only local targets need it."""
    samples = data.get("sample_data")
    for prefix, source in samples.items() if isinstance(samples, dict) else ():
        if isinstance(source, str) and not (folder / source).exists():
            remedy = "fix the path; it is relative to the document"
            yield Finding(("sample_data", prefix), f"{folder / source} does not exist", remedy)


def _named(stages: Any) -> Iterator[tuple[FieldPath, str]]:
    for name, stage in stages.items() if isinstance(stages, dict) else ():
        fields = stage if isinstance(stage, dict) else {}
        values: list[tuple[FieldPath, Any]] = [((field,), fields.get(field)) for field in SCRIPTS]
        include = fields.get("include")
        if isinstance(include, list):
            values += [(("include", index), item) for index, item in enumerate(include)]
        yield from (
            (("stages", name, *path), text) for path, text in values if isinstance(text, str) and text
        )
