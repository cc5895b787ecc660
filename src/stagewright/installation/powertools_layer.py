"""The public Powertools layer, per partition and region. It contains pydantic and Powertools.

Source: "Installation" in the guide of Powertools for AWS Lambda (Python), read 2026-11-22. The tests run with
version 32. China and GovCloud have other versions, and cn-northwest-1 has none. Where no public layer exists,
an installation supplies its own (Terraform: `powertools_layer_arn`).
"""

from __future__ import annotations

from typing import Any

from stagewright.installation.template import TEMPLATE

ANY_REGION = "*"
_NAME = "AWSLambdaPowertoolsPythonV3-python312-arm64"


def layers() -> dict[str, Any]:
    """Return the ARN per layer, partition and region. The region `*` stands for all regions."""
    return {
        "powertools": {
            "aws": {ANY_REGION: _arn("aws", TEMPLATE.region, "017000801446", 32)},
            "aws-cn": {"cn-north-1": _arn("aws-cn", "cn-north-1", "498634801083", 37)},
            "aws-us-gov": {
                "us-gov-east-1": _arn("aws-us-gov", "us-gov-east-1", "165087284144", 27),
                "us-gov-west-1": _arn("aws-us-gov", "us-gov-west-1", "165093116878", 27),
            },
        }
    }


def _arn(partition: str, region: str, account: str, version: int) -> str:
    return f"arn:{partition}:lambda:{region}:{account}:layer:{_NAME}:{version}"
