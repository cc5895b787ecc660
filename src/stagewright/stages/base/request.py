"""The values outside a stage that its AWS requests are built from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stagewright.catalog import images
from stagewright.errors import NotFoundError, PlanError, Problem
from stagewright.naming import Installation
from stagewright.stages.base.job_settings import NO_SETTINGS, JobSettings
from stagewright.syntax.references import Reference

Request = dict[str, Any]
Requests = dict[str, Any]
"""AWS operation -> its request. Also holds the entries that the state machine itself reads."""

Served = Literal["", "package", "artifact", "model"]
Lookup = Callable[[Reference], Any]

LOG_LEVEL = "20"
"""Python's logging.INFO. The SageMaker SDK passes it to framework containers."""


FROM_MODEL = ("pytorch", "huggingface", "tensorflow")
"""Frameworks whose serving containers load scripts from /opt/ml/model/code only: sagemaker-inference
(environment.code_dir) and sagemaker-tensorflow-serving-container (serve.py) download no source archive."""
ISOLATED = "the serving container has no network (network_isolation), so it cannot download its script"
COPY_REMEDY = (
    "let training copy the script to /opt/ml/model/code, leave entry_point out, and set the environment"
    " variables SAGEMAKER_PROGRAM to its name and SAGEMAKER_SUBMIT_DIRECTORY to /opt/ml/model/code"
)


def _no_lookup(reference: Reference) -> Any:
    raise KeyError(reference.text)


@dataclass(frozen=True)
class BuildContext:
    """The context in which a stage's requests are built.

    Fields:
        job: The name of the job.
        outputs: S3 URI of the folder for the job's outputs, without a slash at the end.
        own_folder: The end of `outputs` that only this instance has: `/eu`. Empty: it is not an instance.
        code: S3 URI of the stage's code bundle, without a slash at the end.
        image: Image URI.
        environment: Environment variables of the job.
        lineage: Metadata of a model package that the stage registers.
        jobs: The settings of the stage's jobs: the installation's, as the document narrows them.
        served: What the stage's `model` is. Empty if it has none.
        find: Returns the value of a reference, for fields that are not rendered before.
        find_reviewed: The same, but parameters have the values of the pushed document.
    """

    installation: Installation
    pipeline: str
    stage: str
    run: str
    job: str
    outputs: str
    own_folder: str = ""
    code: str = ""
    image: str = ""
    instance_type: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    lineage: Mapping[str, str] = field(default_factory=dict)
    jobs: JobSettings = NO_SETTINGS
    served: Served = ""
    find: Lookup = _no_lookup
    find_reviewed: Lookup = _no_lookup

    def output(self, name: str) -> str:
        """S3 URI of an output, without a slash at the end. The instances of a stage share the folder above
        it, so that a job can read all of them as one input."""
        return f"{self.outputs.removesuffix(self.own_folder)}/{name}{self.own_folder}"

    @property
    def source(self) -> str:
        """S3 URI of the tarball that script mode reads."""
        return f"{self.code}/source.tar.gz"

    def tag_list(self) -> list[dict[str, str]]:
        """The tags of resources that belong to one run."""
        return as_tags(self.shared_tags() | {"stagewright:stage": self.stage, "stagewright:run": self.run})

    def shared_tags(self) -> dict[str, str]:
        """The tags of resources that outlive a run."""
        own = {**self.tags, **self.jobs.tags}
        return {**own, "stagewright:pipeline": self.pipeline, **self.installation.tags}

    def serving_environment(self, script: str | None) -> dict[str, str]:
        """The environment of a serving container. With `script`, AWS's framework containers load the
        script. PlanError: the container cannot download it."""
        if not script:
            return dict(self.environment)
        if message := ISOLATED if self.jobs.network_isolation else _loads_from_model(self.image):
            raise PlanError((Problem(f"stages.{self.stage}.entry_point", message, COPY_REMEDY),))
        return {
            "SAGEMAKER_PROGRAM": script,
            "SAGEMAKER_SUBMIT_DIRECTORY": self.source,
            "SAGEMAKER_CONTAINER_LOG_LEVEL": LOG_LEVEL,
            "SAGEMAKER_REGION": self.installation.region,
            **self.environment,
        }


def _loads_from_model(image: str) -> str:
    """Return a message if the image's container loads scripts from the model artifact only, or ""."""
    try:
        framework = images.alias_of(image).framework
    except NotFoundError:
        return ""
    if framework not in FROM_MODEL:
        return ""
    return f"the {framework} serving container loads scripts from the model artifact only"


def as_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags in the form of the SageMaker API."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def without_empty(request: Request) -> Request:
    """Return the request without empty values, which AWS rejects in fields that need at least one entry."""
    return {key: value for key, value in request.items() if value not in ({}, [], None)}
