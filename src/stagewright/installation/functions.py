"""The Lambda functions, which share one archive.

The Lambda runtime includes boto3. The Powertools layer adds pydantic and Powertools.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stagewright import __version__
from stagewright.installation.template import TEMPLATE

ARCHIVE = "functions.zip"
RETENTION_DAYS = 90


@dataclass(frozen=True)
class Function:
    """`timeout` is in seconds, `memory` in MB (1,769 MB give one vCPU).

    The installation sets `STAGEWRIGHT_STATE_MACHINE` to the ARN of the version that was published with it.
    """

    key: str
    handler: str
    timeout: int
    memory: int = 512

    @property
    def arn(self) -> str:
        return TEMPLATE.arn("lambda", f"function:{TEMPLATE.name(self.key)}")

    @property
    def log_group(self) -> str:
        return f"/aws/lambda/{TEMPLATE.name(self.key)}"

    def to_json(self) -> dict[str, Any]:
        return {
            "name": TEMPLATE.name(self.key),
            "handler": self.handler,
            "archive": ARCHIVE,
            "runtime": "python3.12",
            "architecture": "arm64",
            "layers": ["powertools"],
            "timeout": self.timeout,
            "memory": self.memory,
            "reserved_concurrency": None,
            "role": self.key,
            "log_group": self.log_group,
            "environment": {
                "STAGEWRIGHT_BUCKET": TEMPLATE.bucket,
                "STAGEWRIGHT_PREFIX": TEMPLATE.prefix,
                "STAGEWRIGHT_ENVIRONMENT": TEMPLATE.environment,
                "STAGEWRIGHT_ACCOUNT": TEMPLATE.account,
                "STAGEWRIGHT_TOPIC": TOPIC_ARN,
                "STAGEWRIGHT_STATE_MACHINE": TEMPLATE.state_machine_arn,
                "STAGEWRIGHT_VERSION": __version__,
                "STAGEWRIGHT_CODE_OVERRIDES": "no",
                "STAGEWRIGHT_BYPASS": "",
                "STAGEWRIGHT_FOUR_EYES": "no",
                "STAGEWRIGHT_JOBS": "{}",
                "POWERTOOLS_SERVICE_NAME": f"stagewright-{self.key}",
                "POWERTOOLS_LOG_LEVEL": "INFO",
            },
        }


TOPIC = {"name": TEMPLATE.name("notifications"), "kms_key": "alias/aws/sns"}
TOPIC_ARN = TEMPLATE.arn("sns", TEMPLATE.name("notifications"))

ROUTER = Function("router", "stagewright.functions.router.handler", timeout=120, memory=1024)
RECORDER = Function("recorder", "stagewright.functions.recorder.handler", timeout=60)
SWEEPER = Function("sweeper", "stagewright.functions.sweeper.handler", timeout=240)
SMOKE_TEST = Function("smoke-test", "stagewright.functions.smoke_check.handler", timeout=300)
FUNCTIONS = (ROUTER, RECORDER, SWEEPER, SMOKE_TEST)
