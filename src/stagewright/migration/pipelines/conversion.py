"""One attempt to convert the steps of a definition."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stagewright.migration.code_files import CodeFiles
from stagewright.migration.converted import Note, Stage
from stagewright.migration.pipelines import calls, repack, stand_ins
from stagewright.migration.pipelines.conditions import negated, required
from stagewright.migration.pipelines.definition import Definition, Step
from stagewright.migration.pipelines.expressions import Expressions
from stagewright.migration.pipelines.names import stage_names, unique
from stagewright.migration.pipelines.settings import after, settings
from stagewright.migration.requests.processing import processing
from stagewright.migration.requests.request import Findings, Request
from stagewright.migration.requests.serving import model, register, transform
from stagewright.migration.requests.training import training, tuning

CONVERTERS: Mapping[str, Callable[[Request], Stage]] = {
    "Processing": processing,
    "Training": training,
    "Tuning": tuning,
    "Transform": transform,
    "Model": model,
    "CreateModel": model,
    "RegisterModel": register,
}
CALLS: Mapping[str, tuple[str, Callable[[Request, str], Stage]]] = {
    "Lambda": ("FunctionArn", calls.function),
    "Callback": ("SqsQueueUrl", calls.callback),
}
"""Type of a step that has no SageMaker request -> the key that names its target, and the conversion."""
METADATA = ("ModelMetrics", "DriftCheckBaselines")
"""Fields of RegisterModel that describe the version. One that cannot be converted is left out."""
IF, ELSE = "IfSteps", "ElseSteps"


@dataclass
class Attempt:
    """`failed`: steps that cannot be converted. `guards`: branch of a Condition step -> stage before it."""

    definition: Definition
    code: CodeFiles
    expressions: Expressions
    findings: Findings = field(default_factory=Findings)
    stages: dict[str, Stage] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    unconverted: list[Note] = field(default_factory=list)
    guards: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def of(cls, definition: Definition, code: CodeFiles, unconverted: set[str]) -> Attempt:
        named = [step.name for step in definition.steps.values() if not _is_stageless(step, definition)]
        expressions = Expressions(definition, stage_names(named), unconverted=unconverted)
        attempt = cls(definition, code, expressions)
        attempt._convert()
        return attempt

    def _convert(self) -> None:
        for step in self.definition.steps.values():
            if repack.is_repack(step):
                self._replace(step)
        self._name_folders()
        for step in self.definition.steps.values():
            if step.type == "Condition":
                self._gates(step)
            elif step.name in self.expressions.names:
                self._stage(step)
        self._add_metrics()

    def _replace(self, step: Step) -> None:
        """Let the model that a step repacks stand for the step's own."""
        value = self.expressions.render(repack.source(step), f"{step.path}.Arguments.InputDataConfig")
        self.expressions.aliases[f"{step.name}.{repack.MODEL}"] = str(value)

    def _name_folders(self) -> None:
        """Collect where steps write to, so that a fixed location becomes a reference."""
        folders: dict[str, str] = {}
        ambiguous = set()
        for step in self.definition.steps.values():
            for uri, value in _locations(step):
                text = str(self.expressions.render(uri, step.path)).rstrip("/")
                if step.name in self.expressions.names and text.startswith("s3://"):
                    ambiguous |= {text} & folders.keys()
                    folders[text] = f"${{stages.{self.expressions.names[step.name]}.{value}}}"
        self.expressions.problems.clear()
        self.expressions.folders = {uri: value for uri, value in folders.items() if uri not in ambiguous}

    def _stage(self, step: Step) -> None:
        name = self.expressions.names[step.name]
        known = step.type in CONVERTERS or step.type in CALLS
        if why := stand_ins.reason(step) or (None if known else stand_ins.UNKNOWN):
            self._stand_in(step, [Note(step.path, f"{step.type}: {why[0]}", why[1])])
            return
        self.expressions.problems.clear()
        self.findings.problems.clear()
        more = settings(self.expressions, step, self.findings.notes)
        stage = {**self._converted(step, name), **self._after(step), **more}
        problems = [*self.expressions.problems, *self.findings.problems]
        if problems:
            self._stand_in(step, [Note(item.path, item.message, item.remedy) for item in problems])
            return
        self.stages[name] = stage

    def _converted(self, step: Step, name: str) -> Stage:
        arguments = dict(step.arguments)
        if step.type == "RegisterModel":
            arguments = self._with_metadata(step, self._with_scripts(arguments))
        if isinstance(container := arguments.get("PrimaryContainer"), dict):
            arguments["PrimaryContainer"] = repack.repacked(container, self.definition.steps)
        path = f"{step.path}.Arguments"
        # The locations that a step writes to are its own; they would become references to itself.
        own = {uri for uri, value in self.expressions.folders.items() if f"stages.{name}." in value}
        everywhere = self.expressions.folders
        self.expressions.folders = {uri: ref for uri, ref in everywhere.items() if uri not in own}
        rendered = self.expressions.render(arguments, path)
        self.expressions.folders = everywhere
        defaults = {key: item["DefaultValue"] for key, item in self.definition.parameters.items()}
        request = Request(name, path, rendered, self.code, self.findings, defaults)
        if step.type in CALLS:
            field, converter = CALLS[step.type]
            return converter(request, self.expressions.render(step.data.get(field), f"{step.path}.{field}"))
        return CONVERTERS[step.type](request)

    def _with_scripts(self, arguments: dict[str, Any]) -> dict[str, Any]:
        inference = dict(arguments.get("InferenceSpecification") or {})
        containers = inference.get("Containers") or []
        steps = self.definition.steps
        inference["Containers"] = [repack.repacked(dict(item), steps) for item in containers]
        return {**arguments, "InferenceSpecification": inference}

    def _with_metadata(self, step: Step, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments without descriptions of the version that name values which do not exist here."""
        for name in METADATA:
            kept = {}
            for key, value in (arguments.get(name) or {}).items():
                path = f"{step.path}.Arguments.{name}.{key}"
                self.expressions.problems.clear()
                self.expressions.render(value, path)
                if not self.expressions.problems:
                    kept[key] = value
                self.unconverted += [Note(p.path, p.message, p.remedy) for p in self.expressions.problems]
            self.expressions.problems.clear()
            arguments = {**arguments, name: kept}
        return arguments

    def _stand_in(self, step: Step, reasons: list[Note]) -> None:
        """An approval stage in place of the step, after everything that the step reads."""
        name = self.expressions.names[step.name]
        self.failed.add(step.name)
        self.unconverted += reasons
        order = self._after(step, self._read_by(step))
        self.stages[name] = {**stand_ins.stand_in(step), **order}

    def _read_by(self, step: Step) -> list[str]:
        """The stages whose values the step reads."""
        text = json.dumps({key: value for key, value in step.arguments.items() if key not in (IF, ELSE)})
        steps = re.findall(r'"Get": "Steps\.([^.\[\]"]+)\.', text)
        names = self.expressions.names
        return [names[name] for name in dict.fromkeys(steps) if name in names and name != step.name]

    def _after(self, step: Step, more: list[str] | None = None) -> Stage:
        guard = [self.guards[step.condition]] if step.condition in self.guards else []
        order = after(self.expressions, step, self._stages_of())
        names = list(dict.fromkeys((*guard, *order, *(more or ()))))
        return {"after": names} if names else {}

    def _stages_of(self) -> dict[str, tuple[str, ...]]:
        """Step -> its stage. A Condition step is waited for by waiting for what it reads."""
        names: dict[str, tuple[str, ...]] = {step: (stage,) for step, stage in self.expressions.names.items()}
        for step in self.definition.steps.values():
            if step.type == "Condition":
                names[step.name] = tuple(self._read_by(step))
        return names

    def _gates(self, step: Step) -> None:
        """The gates of a Condition step: one for each branch with stages."""
        name = self.expressions.names[step.name]
        self.expressions.problems.clear()
        path = f"{step.path}.Arguments.Conditions"
        require = required(self.expressions, step.arguments.get("Conditions"), path)
        problems = list(self.expressions.problems)
        if problems:
            self._stand_in(step, [Note(item.path, item.message, item.remedy) for item in problems])
            self.guards |= {(step.name, IF): name, (step.name, ELSE): self._second(name)}
            self.stages[self.guards[step.name, ELSE]] = dict(self.stages[name])
            return
        more = settings(self.expressions, step, self.findings.notes)
        failing = next((branch for branch in (ELSE, IF) if _only_fails(step, branch)), None)
        for branch, condition in ((IF, require), (ELSE, negated(require))):
            other = ELSE if branch == IF else IF
            if branch == failing or not (step.arguments.get(branch) or failing):
                continue
            stage = (
                name
                if IF not in [key[1] for key in self.guards if key[0] == step.name]
                else self._second(name)
            )
            otherwise = {"else": "fail", **_message(step, other)} if other == failing else {"else": "skip"}
            self.guards[step.name, branch] = stage
            self.stages[stage] = {
                "kind": "gate",
                "require": condition,
                **otherwise,
                **self._after(step),
                **more,
            }

    def _second(self, name: str) -> str:
        return unique(f"{name[:27]}-else", {*self.expressions.names.values(), *self.stages})

    def _add_metrics(self) -> None:
        """Let the stages of property files read the numbers that conditions compare."""
        for step in self.definition.steps.values():
            files = step.data.get("PropertyFiles") or []
            stage = self.stages.get(self.expressions.names.get(step.name, ""), {})
            metrics = self.expressions.metrics.get(step.name)
            if not files or stage.get("kind") != "processing":
                continue
            stage["metrics_file"] = f"{files[0].get('OutputName')}/{files[0].get('FilePath')}"
            if metrics and any(name != path for name, path in metrics.items()):
                stage["metrics"] = dict(metrics)


def _is_stageless(step: Step, definition: Definition) -> bool:
    """Whether a step becomes no stage: it repacks a model, or is a branch that only fails."""
    if repack.is_repack(step):
        return True
    if step.type != "Fail" or step.condition is None:
        return False
    condition, branch = step.condition
    return _only_fails(definition.steps[condition], branch)


def _only_fails(step: Step, branch: str) -> bool:
    kinds = [inner.get("Type") for inner in step.arguments.get(branch) or []]
    return bool(kinds) and set(kinds) == {"Fail"}


def _message(step: Step, branch: str) -> Stage:
    """The message of the first Fail step of a branch, with the names of its references."""
    value = (step.arguments[branch][0].get("Arguments") or {}).get("ErrorMessage", "")
    return {"description": _plain(value)} if value else {}


def _plain(value: Any) -> str:
    match value:
        case {"Std:Join": {"On": str(on), "Values": list(values)}}:
            return on.join(_plain(item) for item in values)
        case {"Get": str(name)}:
            return name
    return str(value)


def _locations(step: Step) -> list[tuple[Any, str]]:
    """Expressions of the locations that a step writes to, and the stage values that stand for them."""
    if step.type == "Processing":
        outputs = (step.arguments.get("ProcessingOutputConfig") or {}).get("Outputs") or []
        return [
            ((item.get("S3Output") or {}).get("S3Uri"), f"outputs.{item.get('OutputName')}")
            for item in outputs
        ]
    if step.type == "Transform":
        return [((step.arguments.get("TransformOutput") or {}).get("S3OutputPath"), "outputs.predictions")]
    return []
