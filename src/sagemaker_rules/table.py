"""The table of all rules, and its use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sagemaker_rules import hosting, jobs, training, tuning
from sagemaker_rules.rule import Breach, Request, Rule, Scope, Violation, breach, items, repeated


def _tag_keys(request: Request) -> Iterator[Breach]:
    for key in repeated(tag.get("Key") for tag in items(request, "Tags")):
        yield breach("Tags", key=key)


TAGS = Rule(
    "tag-keys-unique",
    "any",
    "Tag keys must be unique: {key}",
    "SageMaker API reference, AddTags: tag keys must be unique per resource",
    _tag_keys,
)
RULES: tuple[Rule, ...] = (*training.RULES, *tuning.RULES, *jobs.RULES, *hosting.RULES, TAGS)
SCOPES: Mapping[str, Scope] = {
    "CreateTrainingJob": "training",
    "CreateHyperParameterTuningJob": "tuning",
    "CreateProcessingJob": "processing",
    "CreateTransformJob": "transform",
    "CreateModel": "model",
    "CreateModelPackage": "model package",
    "CreateEndpointConfig": "endpoint configuration",
}
"""Operation -> the scope of its rules."""


def violations(operation: str, request: Mapping[str, Any]) -> Iterator[Violation]:
    """Yield every rule that a request breaks. Paths begin inside the request."""
    for scope, prefix, part in _parts(operation, request):
        for rule in RULES:
            if rule.scope == scope:
                for found in rule.check(part):
                    yield Violation(rule, f"{prefix}{found.path}", rule.message.format(**found.values))


def _parts(operation: str, request: Request) -> Iterator[tuple[Scope, str, Request]]:
    """Yield scope, path and content of each part of a request that rules are about."""
    if operation.startswith("Create"):
        yield "any", "", request
    if scope := SCOPES.get(operation):
        yield scope, "", request
    if scope == "tuning":
        if isinstance(definition := request.get("TrainingJobDefinition"), Mapping):
            yield "training", "TrainingJobDefinition.", definition
        for index, definition in enumerate(items(request, "TrainingJobDefinitions")):
            yield "training", f"TrainingJobDefinitions[{index}].", definition
