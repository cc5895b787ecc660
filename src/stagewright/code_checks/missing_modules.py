"""Imports that fail: the module is in no place that the job looks in.

Only imports that surely run count: those outside of functions, conditions and `try`. A module may come from
the standard library, the image, the stage's files or requirements.txt. Where it may come from elsewhere, such
as a package that is not known here or a call of pip, there is no warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from pathlib import PurePosixPath

from stagewright.catalog.python_packages import (
    is_standard,
    modules_brought,
    modules_of,
    normalized,
    packages_of,
)
from stagewright.code_checks.python_files import PythonFile, imports
from stagewright.code_checks.stage_script import StageScript
from stagewright.errors import Problem

REQUIREMENTS = "requirements.txt"
INSTALLS = re.compile(
    rb"""\b(pip3?|conda|uv|apt|apt-get)\b['",\s\w.()\[-]{0,40}\binstall\b|ensurepip|pip\._internal"""
)
"""Code that may install packages itself."""
SEARCHES = re.compile(rb"sys\.path\b|site\.addsitedir|PYTHONPATH")
"""Code that may import from elsewhere."""
REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?:[<>=!~;#(].*)?")
IGNORED = re.compile(r"\s*(?:#.*|--(?:extra-)?index-url\b.*|-i\b.*|--no-.*|--prefer-.*|--trusted-host.*)?")
PROCESSING = (
    "a processing job installs no requirements.txt: use a .sh script that calls pip, or another image"
)


def warnings(script: StageScript) -> Iterator[Problem]:
    """Yield each import of the script, and of what it imports, that nothing provides."""
    if not script.modules or any(map(INSTALLS.search, script.files.values())):
        return
    yield from _uninstalled(script)
    provided = _provided(script)
    for path, module in script.modules.items():
        for root, line in _foreign(script, module, is_script=path == script.path).items():
            yield from _missing(script, path, line, root, provided)


def _uninstalled(script: StageScript) -> Iterator[Problem]:
    """Yield a requirements.txt next to a script in a subfolder: the toolkits install the one in the root."""
    own = str(PurePosixPath(script.path).parent / REQUIREMENTS)
    if script.field == "entry_point" and own in script.files and REQUIREMENTS not in script.files:
        remedy = "move it to the root of the code folder"
        yield script.problem_in(own, None, "is not installed, because it is in a subfolder", remedy)


def _foreign(script: StageScript, module: PythonFile, *, is_script: bool) -> dict[str, int]:
    """Return module -> line of its first import, without those of the stage and the standard library."""
    local = _local(script.files)
    lines: dict[str, int] = {}
    for item in imports(module.tree, is_script=is_script) if module.tree else ():
        root = item.module.partition(".")[0]
        if not (item.level or root in local or is_standard(root)):
            lines.setdefault(root, item.line)
    return lines


def _missing(
    script: StageScript, path: str, line: int, root: str, provided: Set[str] | None
) -> Iterator[Problem]:
    if root in _local(script.code) and not _searches_elsewhere(script):
        if not (provided and root in provided):
            message = f"imports {root}, which is in the code folder, but not among the files of the stage"
            yield script.problem_in(path, line, message, f"include: [{_file_of(script, root)}]")
    elif provided is not None and root not in provided and script.image:
        image = f"{script.image.framework}-{script.image.version}"
        message = f"imports {root}, which the image {image} does not have"
        yield script.problem_in(path, line, message, _remedy(script, root))


def _remedy(script: StageScript, root: str) -> str:
    if script.service == "processing":
        return PROCESSING
    packages = packages_of(root)
    what = packages[0] if packages else f"the package of {root}"
    return f"add {what} to {REQUIREMENTS} in the root of the code folder"


def _file_of(script: StageScript, root: str) -> str:
    """Return the file or folder of the code folder that the import means, as `include` names it."""
    folder = PurePosixPath(script.path).parent
    candidates = [str(base / name) for base in (folder, PurePosixPath()) for name in (f"{root}.py", root)]
    return next((name for name in candidates if _exists(script, name)), f"{root}.py")


def _exists(script: StageScript, name: str) -> bool:
    return any(path == name or path.startswith(f"{name}/") for path in script.code)


def _local(files: Iterable[str]) -> frozenset[str]:
    """Return the modules and packages among files, wherever they are."""
    names = set()
    for path in files:
        *folders, name = PurePosixPath(path).parts
        names |= {*folders, name.partition(".")[0]}
    return frozenset(names)


def _provided(script: StageScript) -> Set[str] | None:
    """Return the modules of the image and of requirements.txt. None: they are not all known."""
    modules = modules_of(script.image) if script.image else None
    if modules is None or _searches_elsewhere(script) or script.service == "glue":
        return None
    if script.service == "processing":
        return modules
    if REQUIREMENTS not in script.files:
        return modules
    required = _required(script.files[REQUIREMENTS])
    return None if required is None else modules | required


def _searches_elsewhere(script: StageScript) -> bool:
    environment = script.values.get("environment") or {}
    return "PYTHONPATH" in environment or any(map(SEARCHES.search, script.files.values()))


def _required(requirements: bytes) -> Set[str] | None:
    """Return the modules that a requirements.txt brings. None: some are not known."""
    modules: set[str] = set()
    for line in requirements.decode("utf-8-sig", errors="replace").splitlines():
        if IGNORED.fullmatch(line):
            continue
        match = REQUIREMENT.fullmatch(line)
        brought = modules_brought(normalized(match[1])) if match else None
        if brought is None:
            return None
        modules |= brought
    return modules
