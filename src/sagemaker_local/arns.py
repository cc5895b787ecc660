"""ARNs of SageMaker resources."""

from __future__ import annotations

from sagemaker_local.settings import Settings


def arn(settings: Settings, kind: str, name: str) -> str:
    """The ARN of a resource. `kind` is SageMaker's word: training-job, endpoint, ... The name is in lower
    case."""
    return f"arn:aws:sagemaker:{settings.region}:{settings.account}:{kind}/{name.lower()}"


def kind_and_name(text: str) -> tuple[str, str]:
    """The resource type and name in an ARN. Both are empty if the text is not an ARN."""
    resource = text.split(":", 5)[-1] if text.count(":") >= 5 else ""
    kind, _, name = resource.partition("/")
    return kind, name


def key_of(arn_or_name: str) -> str:
    """The key of a record in the store. ARNs have the name in lower case, so the key does too."""
    return (kind_and_name(arn_or_name)[1] or arn_or_name).lower()
