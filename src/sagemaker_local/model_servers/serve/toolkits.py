"""Stand-ins for what scripts import from AWS's toolkits, if the environment does not have them.

AWS's examples import `encoders`, `worker` and `content_types` from `sagemaker_containers.beta.framework`, or
similar modules from `sagemaker_inference`. The scikit-learn image has the former, but it cannot be imported
on a current Python. These stand-ins have only what serving scripts use. Any other name is an ImportError.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

from . import content, inference_defaults, sklearn_defaults


class Response:
    """`worker.Response` of sagemaker_containers, a Flask response: body, status and mimetype."""

    def __init__(
        self,
        response: Any = b"",
        accept: str | None = None,
        status: int = 200,
        mimetype: str | None = None,
    ) -> None:
        self._body = response
        self.status_code = status
        self.content_type = sklearn_defaults.with_charset(mimetype or accept or content.JSON)

    def get_data(self) -> bytes:
        return content.to_bytes(self._body)


def install() -> None:
    """Add the modules that are not installed."""
    types = {"JSON": content.JSON, "CSV": content.CSV, "NPY": content.NPY, "ANY": content.ANY}
    types["UTF8_TYPES"] = content.UTF8_TYPES  # type: ignore[assignment]
    if importlib.util.find_spec("sagemaker_containers") is None:
        _add(
            "sagemaker_containers.beta.framework",
            content_types=types,
            encoders={"encode": sklearn_defaults.encode, "decode": sklearn_defaults.decode},
            worker={"Response": Response},
            errors={"UnsupportedFormatError": content.UnsupportedFormatError},
        )
    if importlib.util.find_spec("sagemaker_inference") is None:
        _add(
            "sagemaker_inference",
            content_types={**types, "NPZ": content.NPZ},
            encoder={"encode": inference_defaults.encode},
            decoder={"decode": inference_defaults.input_fn},
            errors={"UnsupportedFormatError": content.UnsupportedFormatError},
        )


def _add(package: str, **modules: Any) -> None:
    parts = package.split(".")
    for end in range(1, len(parts) + 1):
        _module(".".join(parts[:end]))
    for name, members in modules.items():
        vars(_module(f"{package}.{name}")).update(members)


def _module(name: str) -> ModuleType:
    module = sys.modules.setdefault(name, ModuleType(name))
    module.__path__ = []
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
    return module
