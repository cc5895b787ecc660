"""ARNs of the local SageMaker's resources."""

from __future__ import annotations

from sagemaker_local.settings import Settings


def arn(settings: Settings, kind: str, name: str) -> str:
    """`kind` as SageMaker writes it: training-job, endpoint, ... SageMaker lowers the name's case."""
    return f"arn:aws:sagemaker:{settings.region}:{settings.account}:{kind}/{name.lower()}"


def kind_and_name(text: str) -> tuple[str, str]:
    """The parts after the account; both empty where `text` is no ARN."""
    resource = text.split(":", 5)[-1] if text.count(":") >= 5 else ""
    kind, _, name = resource.partition("/")
    return kind, name


def key_of(arn_or_name: str) -> str:
    """Where it is stored. An ARN has the name in lower case, so names differ by more than their case."""
    return (kind_and_name(arn_or_name)[1] or arn_or_name).lower()
