"""Turns the expressions of a definition (`Get`, `Std:Join`, `Std:JsonGet`) into references of a document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stagewright.errors import Problem
from stagewright.migration.pipelines.definition import Definition, Step
from stagewright.migration.pipelines.names import metric_name
from stagewright.syntax.references import escape, text_of

EXECUTION = {
    "PipelineExecutionId": "${run.id}",
    "PipelineName": "${pipeline}",
    "StartDateTime": "${trigger.time}",
    "CurrentDateTime": "${trigger.time}",
}
"""`Get: Execution.<name>` -> reference. The SageMaker SDK has more ExecutionVariables; they are refused."""
PROPERTIES = {
    "ModelArtifacts.S3ModelArtifacts": "model",
    "TransformOutput.S3OutputPath": "outputs.predictions",
    "ModelName": "name",
    "ModelPackageArn": "package",
    "ProcessingJobName": "job",
    "TrainingJobName": "job",
    "TransformJobName": "job",
    "HyperParameterTuningJobName": "job",
    "BestTrainingJob.TrainingJobName": "best",
    "TrainingJobSummaries[0].TrainingJobName": "best",
}
"""Property of a step -> value of a stage."""
_STEP = re.compile(r"Steps\.([^.\[\]]+)\.(.+)", re.DOTALL)
_OUTPUT = re.compile(r"ProcessingOutputConfig\.Outputs\[(?:'([^']+)'|\"([^\"]+)\"|(\d+))\]\.S3Output\.S3Uri")
_METRIC = re.compile(r"FinalMetricDataList\[(?:'([^']+)'|\"([^\"]+)\")\]\.Value")
_ANSWER = re.compile(r"OutputParameters\[(?:'([^']+)'|\"([^\"]+)\")\]")
_MODEL = re.compile(r"s3://.*/\$\{stages\.([a-z0-9-]+)\.(?:best|job)\}/output/model\.tar\.gz")
NUMBERS = ("Integer", "Float")


@dataclass
class Expressions:
    """Renders values. `problems`: what has no counterpart, of the values rendered since it was last emptied.

    Fields:
        names: Step -> stage.
        aliases: Reference to a step without a stage -> the value that takes its place.
        folders: S3 URI that a step writes to -> the reference to that output.
        metrics: Step -> metric name -> path in the JSON file of that step.
        unconverted: Steps without a stage that has values.
    """

    definition: Definition
    names: Mapping[str, str]
    aliases: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, dict[str, str]] = field(default_factory=dict)
    unconverted: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, path: str, message: str, remedy: str = "") -> str:
        problem = Problem(path, message, remedy)
        if problem not in self.problems:
            self.problems.append(problem)
        return "unknown"

    def render(self, value: Any, path: str) -> Any:
        """The value with references in place of expressions. Other text is escaped."""
        match value:
            case {"Get": str(name)} if len(value) == 1:
                return self._get(name, path)
            case {"Std:Join": {"On": str(on), "Values": list(values)}}:
                return self._join(on, values, path)
            case {"Std:JsonGet": {"PropertyFile": {"Get": str(name)}, "Path": str(inner)}}:
                return self._json_get(name, inner, path)
            case dict():
                return self._mapping(value, path)
            case list():
                return [self.render(item, f"{path}[{index}]") for index, item in enumerate(value)]
            case str():
                return self._literal(value)
        return value

    def _mapping(self, value: Mapping[str, Any], path: str) -> Any:
        if any(key == "Get" or key.startswith("Std:") for key in value):
            return self.refuse(path, f"{', '.join(sorted(value))} is not a known expression")
        return {key: self.render(item, f"{path}.{key}") for key, item in value.items()}

    def _literal(self, text: str) -> str:
        """The text. A location that a step of the definition writes to becomes the reference to it."""
        for folder, reference in self.folders.items():
            if text == folder or text.startswith(f"{folder}/"):
                return reference + escape(text.removeprefix(folder))
        return escape(text)

    def _join(self, on: str, values: list[Any], path: str) -> str:
        rendered = [self.render(value, f"{path}.Values[{index}]") for index, value in enumerate(values)]
        try:
            joined = on.join(text_of(value) for value in rendered)
        except TypeError:
            return self.refuse(path, "Std:Join joins a value that is no text")
        if match := _MODEL.fullmatch(joined):
            return f"${{stages.{match[1]}.model}}"
        literals = [value for value in values if isinstance(value, str)]
        return self._literal(joined) if len(literals) == len(values) else self._folder(joined)

    def _folder(self, text: str) -> str:
        """The text, or the reference to the output that is at this location."""
        for folder, reference in self.folders.items():
            if text == folder or text.startswith(f"{folder}/"):
                return reference + text.removeprefix(folder)
        return text

    def _get(self, name: str, path: str) -> str:
        root, _, rest = name.partition(".")
        if root == "Parameters" and rest in self.definition.parameters:
            return f"${{parameters.{rest}}}"
        if root == "Execution" and rest in EXECUTION:
            return EXECUTION[rest]
        if (match := _STEP.fullmatch(name)) and match[1] in self.definition.steps:
            return self._property(match[1], match[2], path)
        return self.refuse(path, f"{name} has no counterpart", "replace it in the definition")

    def _property(self, step: str, name: str, path: str) -> str:
        if f"{step}.{name}" in self.aliases:
            return self.aliases[f"{step}.{name}"]
        if step in self.unconverted:
            return self.refuse(path, f"needs {name} of {step}, which is not converted")
        value = PROPERTIES.get(name) or self._indexed(self.definition.steps[step], name)
        if value is None:
            return self.refuse(path, f"Steps.{step}.{name} has no counterpart", "use another property of it")
        return f"${{stages.{self.names[step]}.{value}}}"

    def _indexed(self, step: Step, name: str) -> str | None:
        """The stage value of a property with an index."""
        if match := _OUTPUT.fullmatch(name):
            output = match[1] or match[2] or _output_name(step, int(match[3]))
            return f"outputs.{output}" if output else None
        if match := _METRIC.fullmatch(name):
            return f"metrics.{match[1] or match[2]}"
        if match := _ANSWER.fullmatch(name):
            answer = match[1] or match[2]
            kinds = {item.get("OutputName"): item.get("OutputType") for item in _outputs(step)}
            return f"{'metrics' if kinds.get(answer) in NUMBERS else 'answer'}.{answer}"
        return None

    def _json_get(self, name: str, inner: str, path: str) -> str:
        """The metric that stands for a path in the JSON file of a step."""
        match = re.fullmatch(r"Steps\.([^.]+)\.PropertyFiles\.(.+)", name)
        step = self.definition.steps.get(match[1]) if match else None
        files = step.data.get("PropertyFiles") or [] if step else []
        if not (step and match) or match[2] not in [item.get("PropertyFileName") for item in files]:
            return self.refuse(path, f"{name} is not a property file of a step")
        if step.name in self.unconverted:
            return self.refuse(path, f"needs {inner} of {step.name}, which is not converted")
        if match[2] != files[0].get("PropertyFileName"):
            return self.refuse(path, f"{step.name} has several property files", "write one file")
        metrics = self.metrics.setdefault(step.name, {})
        known = next((metric for metric, known in metrics.items() if known == inner), "")
        metric = known or metric_name(inner, metrics)
        metrics[metric] = inner
        return f"${{stages.{self.names[step.name]}.metrics.{metric}}}"


def _outputs(step: Step) -> list[Mapping[str, Any]]:
    outputs: list[Mapping[str, Any]] = step.data.get("OutputParameters") or []
    return outputs


def _output_name(step: Step, index: int) -> str | None:
    outputs = (step.arguments.get("ProcessingOutputConfig") or {}).get("Outputs") or []
    return outputs[index].get("OutputName") if index < len(outputs) else None
