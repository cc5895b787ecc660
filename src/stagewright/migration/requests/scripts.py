"""Finds the script that a container runs, and keeps its files."""

from __future__ import annotations

import json
import re
from typing import Any

from stagewright.errors import ReleaseError
from stagewright.migration.converted import Stage
from stagewright.migration.requests.request import Request

RUNNERS = {"python3": ".py", "python": ".py", "/bin/bash": ".sh", "bash": ".sh", "/bin/sh": ".sh"}
CODE = "/opt/ml/processing/input/code"
RUNPROC = "runproc.sh"
"""The script of the SageMaker SDK's FrameworkProcessor: it unpacks sourcedir.tar.gz and runs the user's."""
LAUNCHER = """#!/bin/bash
# Runs {script} as the SageMaker SDK's FrameworkProcessor does.
set -e
cd {folder}
pip install -r requirements.txt
python3 {script} "$@"
"""


def unquoted(value: Any) -> str:
    """A value of script mode. The SageMaker SDK writes it as JSON."""
    text = str(value or "")
    try:
        decoded = json.loads(text)
    except ValueError:
        return text
    return decoded if isinstance(decoded, str) else text


def script_mode(of: Request, program: Any, source: Any, field: str) -> Stage:
    """`entry_point` and `include` of a program in a tarball or folder."""
    name, uri = unquoted(program), unquoted(source)
    if not name:
        return {}
    files = found(of, uri, field)
    if files and name not in files:
        of.miss(field, f"{uri} has no {name}")
        return {}
    prefix = of.code.add(files, of.stage)
    return {"entry_point": f"{prefix}{name}", **_included(files, name, prefix)}


def found(of: Request, uri: str, field: str) -> dict[str, bytes]:
    """The files at a URI. None is a problem."""
    try:
        files = dict(of.code.find(uri))
    except ReleaseError as error:
        of.miss(field, error.message)
        return {}
    if not files:
        of.miss(field, f"{uri} was not found")
    return files


def processing_script(of: Request, command: list[str], inputs: list[dict[str, Any]]) -> Stage:
    """`code` and `include` of a command that runs a script of an input, which is removed from `inputs`. Any
    other command becomes `entrypoint`."""
    script = command[-1] if command else ""
    source = max((item for item in inputs if _holds(item, script)), key=_depth, default=None)
    if source is None or len(command) != 2 or command[0] not in RUNNERS:
        return {"entrypoint": command} if command else {}
    if script.endswith(f"/{RUNPROC}"):
        return _framework_script(of, source, inputs)
    inputs.remove(source)
    folder = _folder(source)
    if folder != CODE:
        of.note("ProcessingInputs", f"the code is in {CODE} instead of {folder}", "read other files there")
    return _kept(of, found(of, source["S3Input"]["S3Uri"], "ProcessingInputs"), script[len(folder) + 1 :])


def _folder(item: dict[str, Any]) -> str:
    return str((item.get("S3Input") or {}).get("LocalPath") or "-").rstrip("/")


def _depth(item: dict[str, Any]) -> int:
    return len(_folder(item))


def _holds(item: dict[str, Any], script: str) -> bool:
    return script.startswith(f"{_folder(item)}/")


def _kept(of: Request, files: dict[str, bytes], script: str) -> Stage:
    if files and script not in files:
        of.miss("AppSpecification.ContainerEntrypoint", f"the code has no {script}")
        return {}
    prefix = of.code.add(files, of.stage)
    return {"code": f"{prefix}{script}", **_included(files, script, prefix)}


def _framework_script(of: Request, source: dict[str, Any], inputs: list[dict[str, Any]]) -> Stage:
    """The user's script, which runproc.sh names. Its requirements are installed as runproc.sh does."""
    launcher = found(of, source["S3Input"]["S3Uri"], "ProcessingInputs").get(RUNPROC, b"").decode()
    match = re.search(r"^python3? (\S+\.py)", launcher, re.MULTILINE)
    code = next((item for item in inputs if item.get("InputName") == "code"), None)
    if not match or not code:
        of.miss("AppSpecification.ContainerEntrypoint", f"{RUNPROC} names no script")
        return {}
    inputs.remove(source)
    inputs.remove(code)
    files = found(of, code["S3Input"]["S3Uri"], "ProcessingInputs")
    stage = _kept(of, files, match[1])
    if "requirements.txt" not in files or not stage:
        return stage
    prefix = stage["code"].removesuffix(match[1])
    text = LAUNCHER.format(script=match[1], folder=f"{CODE}/{prefix}".rstrip("/"))
    of.code.files[f"{of.stage}.sh"] = text.encode()
    return {"code": f"{of.stage}.sh", "include": sorted(f"{prefix}{path}" for path in files)}


def _included(files: dict[str, bytes], script: str, prefix: str) -> Stage:
    others = sorted(f"{prefix}{path}" for path in files if path != script)
    return {"include": others} if others else {}
