"""What every step of a run's life takes as its first argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagewright.gateway import Gateway
from stagewright.stages.base.job_settings import NO_SETTINGS, JobSettings

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


@dataclass(frozen=True)
class Runtime:
    """AWS clients, settings and log of one Lambda function.

    `allow_code_overrides`: overrides may change what code runs, not only how it runs. `topic`: ARN of the
    SNS topic for notices; empty for no notices. `bypass`: ID of an IAM role or user that may bypass controls
    -> its name; `*` stands for everybody.
    `four_eyes`: the person who pushed or started a run may not approve what it asks. `jobs`: the
    installation's settings of jobs.
    """

    gateway: Gateway
    allow_code_overrides: bool
    topic: str
    bypass: Mapping[str, str]
    log: Logger
    four_eyes: bool = False
    jobs: JobSettings = NO_SETTINGS
