"""The document as a whole."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from stagewright.spec.kinds import AnyStage
from stagewright.spec.model import Defaults, Model, Name, PipelineName, Scalar, StageName, Trigger


class Pipeline(Model):
    """A named document: parameters, triggers, stages."""

    name: PipelineName
    description: str = ""
    parameters: Mapping[Name, Scalar] = Field(default_factory=dict)
    """Values that stages refer to as ${parameters.<name>}; a trigger may give others for a run."""
    partition: str = "default"
    """Separates results that must not mix, usually the data's date."""
    code: str = "code"
    """Folder of the code files, relative to the document. Used where files are; not by the Lambda functions."""
    sample_data: Mapping[str, str] = Field(default_factory=dict)
    """Bucket prefix -> local folder or file, relative to the document: uploaded by `run` and `push` to the local
    target only, so that an example works at once."""
    defaults: Defaults = Defaults()
    triggers: tuple[Trigger, ...] = ()
    stages: Mapping[StageName, AnyStage] = Field(min_length=1)
