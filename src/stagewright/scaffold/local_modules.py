"""The user's own modules that a script imports, as files of the code folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from stagewright.catalog.python_packages import packages_of
from stagewright.errors import Problem
from stagewright.runs.releases.code_folder import scan
from stagewright.syntax.scripts.imports import Import, read_imports
from stagewright.syntax.scripts.source import Source, parse

MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg", "requirements.txt")
"""Files that only the root of a project has."""
LEVELS = 4


class LocalModules:
    """Collects the modules of scripts that lie in their folder, in the project around it, or in its src/.

    `sources` are the parsed modules, `files` the files to copy. Both have paths relative to the code folder.
    """

    def __init__(self, folder: Path, scripts: Iterable[Source], here: Path) -> None:
        self.folders = search_folders(folder, here)
        self.sources: dict[str, Source] = {}
        self.files: dict[str, bytes] = {}
        self.problems: list[Problem] = []
        self._seen: set[str] = set()
        for script in scripts:
            self._follow(script)

    @property
    def tops(self) -> list[str]:
        """Entries of the code folder: `helpers.py`, `package`."""
        return sorted({path.partition("/")[0] for path in self.files})

    def imports(self, source: Source) -> Iterator[Import]:
        """The imports of a source that are neither local nor of the standard library."""
        for one in read_imports(source):
            if not one.level and not one.is_standard and one.top not in self._seen:
                yield one

    def _follow(self, source: Source) -> None:
        for one in read_imports(source):
            if not one.level and one.top not in self._seen and (module := self._find(one)):
                self._seen.add(one.top)
                self._add(module)

    def _find(self, one: Import) -> Path | None:
        """The file or folder of a module. A folder of data has no modules in it."""
        for folder in self.folders:
            if (file := folder / f"{one.top}.py").is_file():
                return file
            package = folder / one.top
            if not one.is_standard and _is_package(package):
                return package
        return None

    def _add(self, module: Path) -> None:
        files = {module.name: module.read_bytes()} if module.is_file() else _package(module)
        self.files |= files
        for path, content in files.items():
            if path.endswith(".py"):
                try:
                    self.sources[path] = parse(content, str(module.parent / path))
                except SyntaxError as error:
                    self.problems.append(syntax_problem(module.parent / path, error))
                    continue
                self._follow(self.sources[path])


def _is_package(folder: Path) -> bool:
    """Whether an import means a folder. A folder without __init__.py comes after every installed package."""
    if not folder.is_dir() or (folder / "__init__.py").is_file():
        return folder.is_dir()
    return any(folder.rglob("*.py")) and not packages_of(folder.name)


def search_folders(folder: Path, here: Path) -> list[Path]:
    """The folders that may have local modules: the script's, `here` around it, and the project's root."""
    folders = [folder]
    parents = list(folder.parents)[:LEVELS]
    if here in parents:
        folders.append(here)
    root = next((path for path in (folder, *parents) if any((path / mark).exists() for mark in MARKS)), None)
    folders += [root, root / "src"] if root else [folder / "src"]
    return [path for path in dict.fromkeys(folders) if path.is_dir()]


def syntax_problem(path: Path | str, error: SyntaxError) -> Problem:
    return Problem("", f"is not valid Python: {error.msg}", "fix the script", str(path), error.lineno)


def _package(folder: Path) -> dict[str, bytes]:
    return {f"{folder.name}/{path}": content for path, content in scan(folder).items()}
