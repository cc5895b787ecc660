"""The installation's functions in AWS Lambda."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stagewright.aws.errors import translate_errors

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True)
class Functions:
    """Reads the functions. `name` returns the full name of a function."""

    client: LambdaClient
    name: Callable[[str], str]

    def environment(self, function: str) -> Mapping[str, str]:
        """Return the environment variables of a function. Calls GetFunctionConfiguration.

        Raises NotFoundError if the function does not exist.
        """
        name = self.name(function)
        with translate_errors("lambda", f"the function {name}"):
            answer = self.client.get_function_configuration(FunctionName=name)
        return answer.get("Environment", {}).get("Variables", {})
