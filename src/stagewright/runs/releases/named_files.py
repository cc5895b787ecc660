"""The files on this disk that a document names, right or wrong as a document: is each of them there?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stagewright.errors import ReleaseError
from stagewright.planner.release import CodeFile, Release
from stagewright.runs.releases import code_folder as folders
from stagewright.stages.base.rules import relative
from stagewright.syntax.findings import Finding, nearest
from stagewright.syntax.findings import Path as Place

SCRIPTS = ("code", "entry_point")


def code_findings(folder: Path, data: Mapping[str, Any]) -> Iterator[Finding]:
    """What is missing of, or wrong with, the code files. `folder` is the document's."""
    named = list(_named(data.get("stages")))
    code = data.get("code", "code")
    if not named or not isinstance(code, str) or (code != "." and any(relative(code, ()))):
        return
    place = folder / code
    if not place.exists():
        yield Finding(
            ("code",), f"there is no folder {place}", "make it, or name the folder of the code files"
        )
        return
    try:
        files = folders.names(place)
    except ReleaseError as error:
        yield Finding(("code",), error.message, error.remedy)
        return
    release = Release("", dict.fromkeys(files, CodeFile("")))
    for path, text in named:
        try:
            release.select([text])
        except KeyError:
            remedy = nearest(text, files, "there") or f"put it into {place}"
            yield Finding(path, f"no {text} in the code folder {place}", remedy)


def sample_findings(folder: Path, data: Mapping[str, Any]) -> Iterator[Finding]:
    """Sample data that is not there. It goes to local targets only, so a run on AWS can do without."""
    samples = data.get("sample_data")
    for prefix, source in samples.items() if isinstance(samples, dict) else ():
        if isinstance(source, str) and not (folder / source).exists():
            remedy = "mend the path; it is relative to the document"
            yield Finding(("sample_data", prefix), f"{folder / source} does not exist", remedy)


def _named(stages: Any) -> Iterator[tuple[Place, str]]:
    for name, stage in stages.items() if isinstance(stages, dict) else ():
        fields = stage if isinstance(stage, dict) else {}
        given: list[tuple[Place, Any]] = [((field,), fields.get(field)) for field in SCRIPTS]
        include = fields.get("include")
        given += (
            [(("include", index), each) for index, each in enumerate(include)]
            if isinstance(include, list)
            else []
        )
        yield from ((("stages", name, *path), text) for path, text in given if isinstance(text, str) and text)
