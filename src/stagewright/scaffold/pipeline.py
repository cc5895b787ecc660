"""The files of a new pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stagewright.errors import DocumentError
from stagewright.scaffold.data import ChannelData, channel_data, code_data, copies, missing_data
from stagewright.scaffold.document_text import block, comments, entries, quoted, scalar
from stagewright.scaffold.hyperparameters import Hyperparameters, read_hyperparameters
from stagewright.scaffold.images import LocalImage, choose_image, missing_packages
from stagewright.scaffold.project import ENTRY, REQUIREMENTS, Project
from stagewright.scaffold.template_text import filled

DEFAULT_IMAGE = "sklearn-1.4"
SERVE = "serve.py"
SHIPPED = Path(__file__).parents[1] / "scripts"
LOADS_FROM_ARTIFACT = ("pytorch", "huggingface", "tensorflow")
"""Frameworks whose containers load the serving script from the artifact."""


@dataclass(frozen=True)
class NewPipeline:
    """What a user chooses. `data` and `hyperparameters` are as on the command line.

    `image`: "" for that of the script's framework. `schema`: path from document to JSON Schema, or "".
    """

    name: str
    data: Iterable[str] = ()
    image: str = ""
    instance_type: str = "ml.m5.large"
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    serve: bool = False
    schema: str = ""


@dataclass(frozen=True)
class Files:
    """Path -> content, and notes for the user."""

    contents: Mapping[str, bytes]
    notes: tuple[str, ...] = ()


def empty_pipeline(new: NewPipeline) -> Files:
    """A pipeline that runs, with comments instead of a purpose."""
    model = {"name": new.name, "serving": f"    entry_point: {SERVE}\n", "enabled": str(new.serve).lower()}
    model["instance_type"] = scalar(new.instance_type)
    fields = {
        "name": new.name,
        "schema": _schema(new),
        "image": scalar(new.image or DEFAULT_IMAGE),
        "instance_type": scalar(new.instance_type),
        "model": filled("new/model-stages.yaml", model),
    }
    return Files(
        {
            "pipeline.yaml": filled("new/empty.yaml", fields).encode(),
            "code/train.py": filled("new/train.py.txt", {}).encode(),
            f"code/{SERVE}": (SHIPPED / SERVE).read_bytes(),
            "data/train/numbers.csv": b"x,y\n1,2\n2,4\n3,6\n",
        }
    )


def pipeline_of(project: Project, new: NewPipeline, images: Iterable[LocalImage]) -> Files:
    """A pipeline of a script. DocumentError lists all that hinders it."""
    channels = channel_data(project, new.data)
    if problems := tuple(missing_data(project, channels)):
        raise DocumentError(problems)
    chosen = choose_image(project.imports, images, new.image)
    code, notes = code_files(project, chosen, new.image or chosen.alias)
    document = Document(project, new, chosen, channels, read_hyperparameters(project, new.hyperparameters))
    contents = {f"code/{name}": content for name, content in code.items()} | copies(channels)
    return Files({"pipeline.yaml": document.text().encode(), **contents}, (*notes, *_data_notes(channels)))


def code_files(project: Project, image: LocalImage, alias: str) -> tuple[dict[str, bytes], list[str]]:
    """The files of the code folder, and notes about packages."""
    files = {project.script.name: project.content, **project.modules.files}
    for name, path in code_data(project).items():
        files |= {name: path.read_bytes()} if path.is_file() else _folder(name, path)
    if needs_entry(project):
        fields = {
            "script": project.script.name,
            "literal": repr(project.script.name),
            "folders": repr(tuple(project.files.folders)),
        }
        files[ENTRY] = filled("new/sagemaker_entry.py.txt", fields).encode()
    if image.framework not in LOADS_FROM_ARTIFACT:
        files[serving_script(project)] = (serving_path(project) or SHIPPED / SERVE).read_bytes()
    return files | _requirements(project, image), list(_package_notes(project, image, alias))


def serving_path(project: Project) -> Path | None:
    return Path(project.serving.name) if project.serving else None


def serving_script(project: Project) -> str:
    """The script that serves the model: the user's own, else a copy of serve.py, by a free name."""
    if own := serving_path(project):
        return own.name
    return SERVE if SERVE not in (project.script.name, *project.modules.tops) else f"stagewright_{SERVE}"


def needs_entry(project: Project) -> bool:
    """Whether the script's files in its own folder must become the model."""
    return not project.use.writes_model


@dataclass(frozen=True)
class Document:
    """The text of the document."""

    project: Project
    new: NewPipeline
    image: LocalImage
    channels: Mapping[str, ChannelData]
    hyperparameters: Hyperparameters

    def text(self) -> str:
        entry = ENTRY if needs_entry(self.project) else self.project.script.name
        return filled(
            "new/pipeline.yaml",
            {
                "schema": _schema(self.new),
                "name": self.new.name,
                "samples": self._samples(),
                "image": scalar(self.new.image or self.image.alias),
                "instance_type": scalar(self.new.instance_type),
                "entry_point": scalar(entry),
                "train": self._train(),
                "model": self._model(),
            },
        )

    def _train(self) -> str:
        values = self.hyperparameters
        included = self._included(entry=True)
        parts = (
            f"    include: [{', '.join(map(scalar, included))}]\n" if included else "",
            block("channels", (f"{scalar(name)}: {self._uri(name)}" for name in self.channels), 4),
            block("hyperparameters", (*entries(values.values), *comments(values.left_out)), 4)
            if values.values
            else "".join(f"    {line}\n" for line in comments(values.left_out)),
            block("metrics", (f"{name}: {quoted(regex)}" for name, regex in self.project.metrics.items()), 4),
        )
        return "".join(parts)

    def _model(self) -> str:
        if self.image.framework in LOADS_FROM_ARTIFACT:
            serving = (
                f"    # {self.image.framework}'s container loads code/inference.py from the model artifact.\n"
            )
        else:
            script = serving_script(self.project)
            included = self._included(entry=False)
            serving = f"    entry_point: {scalar(script)}\n"
            serving += f"    include: [{', '.join(map(scalar, included))}]\n" if included else ""
        return filled(
            "new/model-stages.yaml",
            {
                "name": self.new.name, "serving": serving, "enabled": str(self.new.serve).lower(),
                "instance_type": scalar(self.new.instance_type),
            },
        )  # fmt: skip

    def _included(self, *, entry: bool) -> list[str]:
        """The files that a stage needs besides its entry point and requirements.txt."""
        names = [path.partition("/")[0] for path in code_data(self.project)]
        script = [self.project.script.name] * (entry and needs_entry(self.project))
        return list(dict.fromkeys((*script, *self.project.modules.tops, *names)))

    def _samples(self) -> str:
        if all(data.uri for data in self.channels.values()):
            return ""
        return (
            "# The data of runs on this machine. On AWS, put yours at the same prefix of the bucket.\n"
            f"sample_data: {{raw/{self.new.name}/: data}}\n"
        )

    def _uri(self, channel: str) -> str:
        own = f"s3://${{bucket}}/raw/{self.new.name}/{channel}/"
        return self.channels[channel].uri or own


def _schema(new: NewPipeline) -> str:
    return f"# yaml-language-server: $schema={new.schema}\n" if new.schema else ""


def _folder(name: str, path: Path) -> dict[str, bytes]:
    files = (file for file in sorted(path.rglob("*")) if file.is_file() and not file.name.startswith("."))
    return {f"{name}/{file.relative_to(path).as_posix()}": file.read_bytes() for file in files}


def _requirements(project: Project, image: LocalImage) -> dict[str, bytes]:
    if project.requirements:
        return {REQUIREMENTS: project.requirements.read_bytes()}
    missing = missing_packages(project.imports, image)
    return {REQUIREMENTS: "".join(f"{name}\n" for name in missing).encode()} if missing else {}


def _package_notes(project: Project, image: LocalImage, alias: str) -> Iterable[str]:
    missing = missing_packages(project.imports, image)
    if project.requirements:
        if project.requirements.parent != project.script.parent.resolve():
            yield f"code/{REQUIREMENTS} is a copy of {project.requirements}"
        text = project.requirements.read_bytes().decode("utf-8", "replace").lower()
        missing = [name for name in missing if name.lower() not in text]
        if missing:
            yield f"add {', '.join(missing)} to code/{REQUIREMENTS}: {alias} lacks what the script imports"
    elif missing:
        names = ", ".join(missing)
        yield f"code/{REQUIREMENTS} has {names}, which {alias} lacks: check the names, and add versions"
    if project.arguments.parsers > 1:
        yield f"the script has {project.arguments.parsers} parsers of arguments: check the hyperparameters"
    for line in project.arguments.unread:
        yield f"line {line} defines arguments that cannot be read; add them to hyperparameters"


def _data_notes(channels: Mapping[str, ChannelData]) -> Iterable[str]:
    for name, data in channels.items():
        if data.is_missing:
            yield f"put the data of channel {name} into data/{name} before the first run"
        elif data.uri:
            yield f"channel {name}: only AWS has {data.uri}; a run on this machine needs sample_data"
