"""All that a stage's requests take from outside the stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stagewright.naming import Installation
from stagewright.syntax.references import Reference


def merged(base: Any, changes: Any) -> Any:
    """`changes` over `base`: objects entry by entry, lists and all else as a whole."""
    if not isinstance(base, Mapping) or not isinstance(changes, Mapping):
        return changes
    return {
        **base,
        **{key: merged(base[key], value) if key in base else value for key, value in changes.items()},
    }


Request = dict[str, Any]
Requests = dict[str, Any]
"""AWS operation -> its request; `Gate` -> a list of comparisons."""

Served = Literal["", "package", "artifact", "model"]
Lookup = Callable[[Reference], Any]

LOG_LEVEL = "20"
"""Python's logging.INFO, as the SageMaker SDK passes it to framework containers."""


def _no_lookup(reference: Reference) -> Any:
    raise KeyError(reference.text)


@dataclass(frozen=True)
class BuildContext:
    """Where, and as what, a stage runs.

    `code` is the S3 URI of its bundle, `outputs` that of the folder for what it writes, both without a slash
    at their end. `image` is a URI. `environment` holds the job's variables, `lineage` what a model package
    remembers. `served`: what the stage's `model` is, where it has one. `find`: the value of a reference, for
    what is not rendered beforehand.
    """

    installation: Installation
    pipeline: str
    stage: str
    run: str
    job: str
    outputs: str
    code: str = ""
    image: str = ""
    instance_type: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    lineage: Mapping[str, str] = field(default_factory=dict)
    served: Served = ""
    find: Lookup = _no_lookup

    @property
    def source(self) -> str:
        """The bundle as script mode wants it."""
        return f"{self.code}/source.tar.gz"

    def tag_list(self) -> list[dict[str, str]]:
        """Tags of what one run makes."""
        return as_tags(self.shared_tags() | {"stagewright:stage": self.stage, "stagewright:run": self.run})

    def shared_tags(self) -> dict[str, str]:
        """Tags of what outlives a run."""
        return {**self.tags, "stagewright:pipeline": self.pipeline, **self.installation.tags}

    def serving_environment(self, script: str | None) -> dict[str, str]:
        """Environment of a serving container; with `script`, as AWS's framework containers find it."""
        if not script:
            return dict(self.environment)
        return {
            "SAGEMAKER_PROGRAM": script,
            "SAGEMAKER_SUBMIT_DIRECTORY": self.source,
            "SAGEMAKER_CONTAINER_LOG_LEVEL": LOG_LEVEL,
            "SAGEMAKER_REGION": self.installation.region,
            **self.environment,
        }


def as_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def without_empty(request: Request) -> Request:
    """AWS refuses empty lists and objects where it wants at least one entry."""
    return {key: value for key, value in request.items() if value not in ({}, [], None)}
