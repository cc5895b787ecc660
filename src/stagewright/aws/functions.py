"""The installation's own functions, as far as a command asks about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from stagewright.aws.errors import translated


class LambdaClient(Protocol):
    """The one call that is used; boto3's stubs for Lambda are not among the development requirements."""

    def get_function_configuration(self, *, FunctionName: str) -> dict[str, Any]: ...  # noqa: N803 -- AWS's names


@dataclass(frozen=True)
class Functions:
    """`name` makes a function's full name."""

    client: LambdaClient
    name: Callable[[str], str]

    def environment(self, what: str) -> Mapping[str, str]:
        """The environment variables of a function."""
        name = self.name(what)
        with translated("lambda", f"the function {name}"):
            answer = self.client.get_function_configuration(FunctionName=name)
        variables: Mapping[str, str] = answer.get("Environment", {}).get("Variables", {})
        return variables
