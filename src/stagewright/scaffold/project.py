"""A training script with all that belongs to it on this machine."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from stagewright.errors import DocumentError, Problem, ReleaseError
from stagewright.scaffold.local_modules import LocalModules, syntax_problem
from stagewright.scaffold.named_files import NamedFiles, read_named_files
from stagewright.syntax.scripts.arguments import Arguments, read_arguments, sys_argv_lines
from stagewright.syntax.scripts.imports import read_imports
from stagewright.syntax.scripts.metrics import printed_metrics
from stagewright.syntax.scripts.sagemaker import PROCESSING, ContainerUse, container_use
from stagewright.syntax.scripts.source import Source, parse

REQUIREMENTS = "requirements.txt"
ENTRY = "sagemaker_entry.py"
"""The file that runs a script which writes its model to its own folder."""
INFERENCE = "inference.py"
REFERS = re.compile(
    r"^[^\S\n]*(-[rcef]\b|--(requirement|constraint|editable|find-links)|\.|/|file:)", re.MULTILINE
)
USUAL = ("train.py", "main.py")
"""Names of a folder's script, in the order of preference."""


@dataclass(frozen=True)
class Project:
    """`script` with its parsed `source`, its local `modules` and the `files` that it names.

    `serving`: the user's own script that serves the model.
    """

    script: Path
    content: bytes
    source: Source
    modules: LocalModules
    files: NamedFiles
    requirements: Path | None
    serving: Source | None

    @cached_property
    def sources(self) -> list[Source]:
        return [self.source, *self.modules.sources.values()]

    @cached_property
    def arguments(self) -> Arguments:
        """Of the script; if it defines none, those of the modules that it imports."""
        own = read_arguments(self.source)
        others = map(read_arguments, self.modules.sources.values())
        return own if own.known or own.unread else next((one for one in others if one.known), own)

    @cached_property
    def use(self) -> ContainerUse:
        """What the script and its modules use of the container."""
        uses = [container_use(source) for source in self.sources]
        return ContainerUse(
            channels=tuple(dict.fromkeys(name for use in uses for name in use.channels)),
            writes_model=any(use.writes_model for use in uses),
            hyperparameters={
                name: value for use in reversed(uses) for name, value in use.hyperparameters.items()
            },
            is_processing=any(use.is_processing for use in uses),
        )

    @cached_property
    def imports(self) -> dict[str, int]:
        """Needed top-level modules of others -> the line of the first import."""
        lines: dict[str, int] = {}
        for source in (*self.sources, *([self.serving] if self.serving else [])):
            for one in self.modules.imports(source):
                if not one.is_optional:
                    lines.setdefault(one.top, one.line)
        return lines

    @cached_property
    def metrics(self) -> dict[str, str]:
        return {
            name: regex
            for source in reversed(self.sources)
            for name, regex in printed_metrics(source).items()
        }


def read_project(path: Path, here: Path) -> Project:
    """Read a script, or a folder with one. DocumentError or ReleaseError: it cannot be a training job."""
    script = find_script(path)
    content = script.read_bytes()
    try:
        source = parse(content, str(script))
    except SyntaxError as error:
        raise DocumentError((syntax_problem(script, error),)) from None
    folder, serving = script.parent.resolve(), find_serving(script, source)
    modules = LocalModules(folder, [source, *([serving] if serving else [])], here.resolve())
    bases = list(dict.fromkeys((folder, *modules.folders)))
    files = read_named_files([source, *modules.sources.values()], bases, [script.name, *modules.tops])
    requirements = next(filter(Path.is_file, (base / REQUIREMENTS for base in modules.folders)), None)
    project = Project(script, content, source, modules, files, requirements, serving)
    if problems := (*modules.problems, *_problems(project)):
        raise DocumentError(tuple(problems))
    return project


def find_serving(script: Path, source: Source) -> Source | None:
    """The user's own script that serves the model: the training script, if a server may import it because its
    training is guarded, or inference.py next to it."""
    if _has_model_fn(source.tree) and _is_guarded(source.tree):
        return source
    own = script.with_name(INFERENCE)
    try:
        inference = parse(own.read_bytes(), str(own)) if own.is_file() else None
    except SyntaxError:
        return None
    return inference if inference and _has_model_fn(inference.tree) else None


def find_script(path: Path) -> Path:
    """The script at a path. ReleaseError: there is none that can be a training job."""
    if path.is_dir():
        scripts = sorted(file for file in path.glob("*.py") if file.name != "setup.py")
        usual = [path / name for name in USUAL if path / name in scripts]
        if len(scripts) == 1 or usual:
            return (usual or scripts)[0]
        names = ", ".join(file.name for file in scripts[:5]) or "none"
        raise ReleaseError(
            f"{path} has no train.py; its scripts: {names}", "name one: --from FOLDER/SCRIPT.py"
        )
    if not path.is_file():
        raise ReleaseError(f"{path} does not exist", "give the path of a Python script with --from")
    if path.suffix == ".ipynb":
        script = shlex.quote(str(path.with_suffix(".py")))
        remedy = f"jupyter nbconvert --to script {shlex.quote(str(path))}, then --from {script}"
        raise ReleaseError(f"{path} is a notebook, and SageMaker runs scripts", remedy)
    if path.suffix != ".py":
        raise ReleaseError(f"{path} is not a Python script", "give a file that ends in .py")
    return path


def _problems(project: Project) -> Iterator[Problem]:
    """Why SageMaker could not run the script."""
    name = str(project.script)
    if project.script.name == ENTRY:
        yield Problem("", f"{ENTRY} is the name of a file that new writes", "rename the script", name)
    if project.use.is_processing and not project.use.is_training:
        remedy = "add it to a pipeline as a stage of kind processing: copy it into the code folder"
        yield Problem("", f"uses {PROCESSING}, so it is a processing script", remedy, name)
    yield from project.files.problems
    yield from _import_problems(project, name)
    yield from _argument_problems(project, name)
    yield from _requirement_problems(project.requirements)


def _import_problems(project: Project, name: str) -> Iterator[Problem]:
    for one in read_imports(project.source):
        if one.level:
            message = "a relative import works in a package only, and SageMaker starts the script itself"
            yield Problem("", message, "import it by its name, without the dots", name, one.line)


def _argument_problems(project: Project, name: str) -> Iterator[Problem]:
    """Arguments that SageMaker cannot pass, because it passes `--name value` only."""
    arguments = project.arguments
    parses = arguments.parses or bool(arguments.unread)
    remedy = "read it from an option: --name VALUE is all that SageMaker passes"
    for line in sorted(set(sys_argv_lines(project.source, parses=parses))):
        yield Problem("", "reads an argument by its position in sys.argv", remedy, name, line)
    for line in arguments.subcommands:
        message = "has subcommands, and SageMaker passes no command, only --name value"
        yield Problem("", message, "make a script of the command that trains", name, line)
    for argument in arguments.known:
        if argument.is_required and not argument.hyperparameter:
            option = argument.options[0] if argument.options else f"{argument.name} by position"
            remedy = "make it an option with two dashes: SageMaker passes --name VALUE"
            yield Problem("", f"requires {option}", remedy, name, argument.line)


def _requirement_problems(file: Path | None) -> Iterator[Problem]:
    text = file.read_bytes().decode("utf-8", "replace") if file else ""
    if match := REFERS.search(text):
        line = text.count("\n", 0, match.start()) + 1
        remedy = "write the packages themselves, with their versions"
        yield Problem("", "refers to files that a job does not have", remedy, str(file), line)


def _has_model_fn(tree: ast.Module) -> bool:
    return any(isinstance(node, ast.FunctionDef) and node.name == "model_fn" for node in tree.body)


def _is_guarded(tree: ast.Module) -> bool:
    """Whether the module has an `if __name__ == "__main__"`."""
    tests = (ast.unparse(node.test) for node in tree.body if isinstance(node, ast.If))
    return any("__name__" in test and "__main__" in test for test in tests)
